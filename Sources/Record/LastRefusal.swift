public import Policy

/// The last time that a destination was refused.
public struct LastRefusal: Hashable, Sendable {
  /// What was attempted: `10.1.2.3:443/tcp`, `github.com:22`; escaped.
  public let subject: String
  /// When.
  public let time: Timestamp
  /// By whom: `psql (pid 123)`; escaped.
  public let sender: String

  /// Of these lines, the latest that is about one of the addresses; about the port and the protocol, too, if they are given.
  public init?(
    _ lines: some Sequence<RecordLine>, addresses: Set<IPAddress>, port: UInt16?,
    transport: TransportProtocol?
  ) {
    var last: (attempt: Attempt, time: Timestamp, line: RecordLine)?
    for line in lines {
      guard let attempt = Attempt(line), addresses.contains(attempt.destination),
        let time = Timestamp(line.time),
        port == nil || attempt.port == port, transport == nil || attempt.flow.transport == transport
      else { continue }
      if let known = last, time < known.time { continue }
      last = (attempt, time, line)
    }
    guard let last else { return nil }
    (subject, time, sender) = ("\(last.attempt)", last.time, last.line.sender)
  }

  /// Of these lines, the latest that is about a name; about the port, too, if it is given: of a name that was refused, all are.
  public init?(_ lines: some Sequence<RecordLine>, name: DomainName, port: UInt16?) {
    var last: (refusal: NamedRefusal, time: Timestamp, line: RecordLine)?
    for line in lines {
      guard let refusal = NamedRefusal(line), DomainName(refusal.name) == name,
        let time = Timestamp(line.time),
        port == nil || refusal.port == nil || refusal.port == port
      else { continue }
      if let known = last, time < known.time { continue }
      last = (refusal, time, line)
    }
    guard let last else { return nil }
    (subject, time, sender) = (last.refusal.subject, last.time, last.line.sender)
  }

  /// `last refused 3 minutes ago: 10.1.2.3:443/tcp, psql (pid 123)`.
  public func text(now: Timestamp) -> String { "last refused \(now.since(time)): \(subject), \(sender)" }
}
