/// A prefix that is internal on every host.
struct BuiltinPrefix: Sendable {
  let prefix: Prefix
  let reason: String

  var rule: Rule { Rule(prefix: prefix, action: .block, origin: .builtin(reason)) }

  private init(_ family: Family, _ address: UInt128, _ length: Int, _ reason: String) {
    prefix = Prefix(containing: IPAddress(family: family, value: address), length: length)
    self.reason = reason
  }

  /// The walls: disjoint, and each a blackhole of its own in the jail's routes.
  ///
  /// The documentation prefixes are not among them: test networks live there.
  static let walls: [BuiltinPrefix] = [
    .init(.ipv4, 0x0000_0000, 8, "this network (RFC 791)"),
    .init(.ipv4, 0x0a00_0000, 8, "private (RFC 1918)"),
    .init(.ipv4, 0x6440_0000, 10, "carrier-grade NAT (RFC 6598)"),
    loopback4,
    .init(.ipv4, 0xa9fe_0000, 16, "link-local, cloud metadata (RFC 3927)"),
    .init(.ipv4, 0xac10_0000, 12, "private (RFC 1918)"),
    .init(.ipv4, 0xc000_0000, 24, "IETF protocol assignments (RFC 6890)"),
    .init(.ipv4, 0xc0a8_0000, 16, "private (RFC 1918)"),
    .init(.ipv4, 0xc612_0000, 15, "benchmarking (RFC 2544)"),
    .init(.ipv4, 0xa83f_8110, 32, "cloud metadata (Azure's platform address)"),
    .init(.ipv4, 0xe000_0000, 4, "multicast (RFC 5771)"),
    .init(.ipv4, 0xf000_0000, 4, "reserved (RFC 1112)"),
    .init(.ipv6, 0, 3, "not global unicast (RFC 4291)"),
    .init(.ipv6, 0x4000 << 112, 2, "not global unicast (RFC 4291)"),
    .init(.ipv6, 0x8000 << 112, 1, "not global unicast (RFC 4291)"),
    .init(.ipv6, 0x2001 << 112, 23, "IETF protocol assignments, Teredo (RFC 2928, RFC 4380)"),
    .init(.ipv6, 0x2002 << 112, 16, "6to4, wraps an IPv4 address (RFC 3056)"),
  ]

  /// Loopback, whose packets the kernel's local table delivers: the one wall that needs no route.
  static let loopback4 = BuiltinPrefix(.ipv4, 0x7f00_0000, 8, "loopback (RFC 1122)")

  /// Parts of the walls that stay closed when a shorter prefix is opened, and that have a reason of their own
  /// to show.
  static let details: [BuiltinPrefix] = [
    .init(.ipv4, 0xffff_ffff, 32, "limited broadcast (RFC 919)"),
    .init(.ipv6, 0, 128, "unspecified (RFC 4291)"),
    .init(.ipv6, 1, 128, "loopback (RFC 4291)"),
    .init(.ipv6, 0xffff << 32, 96, "IPv4-mapped (RFC 4291)"),
    .init(.ipv6, 0x0064_ff9b << 96, 96, "NAT64, wraps an IPv4 address (RFC 6052)"),
    .init(.ipv6, 0x0064_ff9b_0001 << 80, 48, "local NAT64, wraps an IPv4 address (RFC 8215)"),
    .init(.ipv6, 0xfc00 << 112, 7, "unique local (RFC 4193)"),
    .init(.ipv6, 0xfe80 << 112, 10, "link-local (RFC 4291)"),
    .init(.ipv6, 0xff00 << 112, 8, "multicast (RFC 4291)"),
  ]

  /// The prefixes of the walls.
  static let wallPrefixes = Set(walls.map(\.prefix))

  /// Every builtin rule.
  static let rules: [Rule] = (walls + details).map(\.rule)
}
