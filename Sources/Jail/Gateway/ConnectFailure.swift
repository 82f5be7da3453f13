internal import Linux
internal import Policy

/// Why none of a name's addresses could be reached: what the program is to be told.
enum ConnectFailure: Equatable {
  /// A reset was the answer.
  case refused
  /// Nothing was: TCP has tried for as long as it does.
  case timedOut
  case hostUnreachable
  case networkUnreachable
  /// The plan lets the name lead to none of them: one, and the rule about it.
  case closed(IPAddress, Rule)

  /// Of the errors of all that were tried, that which says most: whoever refuses is there; who did not answer may be.
  init(_ errors: [CInt], closed: (address: IPAddress, rule: Rule)?) {
    func has(_ wanted: CInt...) -> Bool { errors.contains { wanted.contains($0) } }
    if has(Errno.ECONNREFUSED, Errno.ECONNRESET) {
      self = .refused
    } else if has(Errno.ETIMEDOUT) {
      self = .timedOut
    } else if let closed, errors.isEmpty {
      self = .closed(closed.address, closed.rule)
    } else if !errors.isEmpty, errors.allSatisfy({ $0 == Errno.ENETUNREACH || $0 == Errno.EAFNOSUPPORT }) {
      self = .networkUnreachable
    } else {
      self = .hostUnreachable
    }
  }
}
