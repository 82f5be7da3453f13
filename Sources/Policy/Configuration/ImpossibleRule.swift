/// Rules that could never do what their author hopes: better refused than believed.
enum ImpossibleRule {
  /// Why a rule for the prefix is an error; nil when it is none.
  static func reason(_ prefix: Prefix, _ action: Action) -> (message: String, hint: String?)? {
    if mapped.contains(prefix) {
      // Sockets turn such a destination into IPv4 before it leaves, where an IPv6 rule does not see it.
      let ipv4 = Prefix(
        containing: IPAddress(family: .ipv4, value: prefix.address.value & 0xffff_ffff),
        length: prefix.length - 96)
      let meant = prefix.length == 128 ? "\(ipv4.address)" : "\(ipv4)"
      return ("IPv4-mapped: such packets leave as IPv4", "write \(meant)")
    }
    guard action == .allow else { return nil }
    if prefix.isEverything {
      return ("\(prefix) would open everything", "egress-jail = 0 is the switch for that")
    }
    return impossible.first { $0.prefix.contains(prefix) }.map { ($0.message, $0.hint) }
  }

  private static let mapped = Prefix(
    containing: IPAddress(family: .ipv6, value: 0xffff << 32), length: 96)

  private struct Impossible: Sendable {
    let prefix: Prefix
    let message: String
    let hint: String?

    init(_ family: Family, _ address: UInt128, _ length: Int, _ message: String, _ hint: String? = nil) {
      prefix = Prefix(containing: IPAddress(family: family, value: address), length: length)
      self.message = message
      self.hint = hint
    }
  }

  private static let loopback = "loopback never leaves the jail: inside, it is the jail's own"
  private static let hostLoopback = "for a service on this host's loopback write allow-host-port = PORT"
  private static let unspecified = "this address is not a destination"
  private static let multicast =
    "multicast cannot be opened: the relay would send it into this host's network"

  private static let impossible: [Impossible] = [
    .init(.ipv4, 0x7f00_0000, 8, loopback, hostLoopback),
    .init(.ipv6, 1, 128, loopback, hostLoopback),
    .init(.ipv4, 0, 8, unspecified),
    .init(.ipv6, 0, 128, unspecified),
    .init(.ipv4, 0xe000_0000, 4, multicast),
    .init(.ipv6, 0xff00 << 112, 8, multicast),
    .init(.ipv4, 0xffff_ffff, 32, "broadcast cannot be opened: it never leaves a link"),
    .init(
      .ipv6, 0xfe80 << 112, 10, "link-local addresses never leave a link", "write the host's routable address"
    ),
  ]
}
