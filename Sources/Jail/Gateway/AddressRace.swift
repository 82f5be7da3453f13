internal import Linux
internal import Policy

/// In which order, and when, a name's addresses are tried: the families in turn, IPv6 first, and a quarter of a second between one start
/// and the next, unless an attempt fails before (RFC 8305 sections 4, 5 and 8).
struct AddressRace {
  private var waiting: ArraySlice<IPAddress>
  private var due: Instant

  /// More are not tried: a name may come with thousands.
  static let mostAddresses = 16
  /// The Connection Attempt Delay.
  static let delay = Duration.milliseconds(250)

  init(_ addresses: [IPAddress], now: Instant) {
    waiting = Self.order(addresses)[...]
    due = now
  }

  static func order(_ addresses: [IPAddress]) -> [IPAddress] {
    var seen: Set<IPAddress> = []
    let all = addresses.filter { seen.insert($0).inserted }
    let first = all.filter { $0.family == .ipv6 }, second = all.filter { $0.family == .ipv4 }
    var order: [IPAddress] = []
    for index in 0..<max(first.count, second.count) {
      if index < first.count { order.append(first[index]) }
      if index < second.count { order.append(second[index]) }
    }
    return Array(order.prefix(mostAddresses))
  }

  /// Whether all have been tried.
  var isOver: Bool { waiting.isEmpty }

  /// When the next one is to be tried.
  var deadline: Instant? { waiting.isEmpty ? nil : due }

  /// The next one, if it is its turn.
  mutating func next(now: Instant) -> IPAddress? {
    guard due <= now, let address = waiting.popFirst() else { return nil }
    due = now + Self.delay
    return address
  }

  /// An attempt has failed: it is the next one's turn.
  mutating func hurry(now: Instant) { due = min(due, now) }

  /// There is no room for another attempt now.
  mutating func postpone(now: Instant) { due = now + Self.delay }
}
