/// The synthetic addresses of the uplink in one family; they belong to no LAN.
public struct GuestAddresses: Hashable, Sendable {
  /// The jail's own address.
  public let guest: IPAddress
  /// The address that stands for the relay; nothing may connect to it.
  public let gateway: IPAddress
  /// The prefix that holds both and is not routed to anything else: a /29, or a /64.
  public let subnet: Prefix

  private init(_ family: Family, _ network: UInt128, length: Int) {
    subnet = Prefix(containing: IPAddress(family: family, value: network), length: length)
    gateway = IPAddress(family: family, value: subnet.first + 1)
    guest = IPAddress(family: family, value: subnet.first + 2)
  }

  var rule: Rule { Rule(prefix: subnet, action: .block, origin: .guestSubnet) }

  /// Every candidate of a family, the preferred one first; all lie in builtin walls.
  static func candidates(_ family: Family) -> [GuestAddresses] {
    switch family {
    case .ipv4:
      [
        // RFC 7335 reserves 192.0.0.0/29 for the inner side of a translator, which is what pasta is.
        .init(family, 0xc000_0000, length: 29),
        // RFC 2544 benchmarking, away from the ends that people pick.
        .init(family, 0xc613_fff8, length: 29),
        .init(family, 0xc612_a548, length: 29),
        // RFC 6598 shared space.
        .init(family, 0x647f_fff8, length: 29),
      ]
    case .ipv6:
      [
        // RFC 4193 unique local, random global identifiers.
        .init(family, 0xfd6a_61e1_c5b2_0000 << 64, length: 64),
        .init(family, 0xfd2f_97d4_0e3b_0000 << 64, length: 64),
        // The half of fc00::/7 that nobody assigns from.
        .init(family, 0xfc8b_36f0_9a17_0000 << 64, length: 64),
        // RFC 9780: the dummy prefix, which is never forwarded.
        .init(family, 0x0100_0000_0000_0001 << 64, length: 64),
      ]
    }
  }

  /// The first candidate that nothing of the host and no configured rule is about.
  ///
  /// Prefixes shorter than /8 are not about these addresses in particular: a VPN's halves would refuse them
  /// all.
  static func choose(
    _ family: Family, rules: [Rule], resolvers: [HostFacts.Resolver]
  ) throws(PlanError) -> GuestAddresses {
    for candidate in candidates(family) {
      let taken =
        rules.contains { $0.prefix.length >= 8 && $0.prefix.overlaps(candidate.subnet) }
        || resolvers.contains { candidate.subnet.contains($0.address) }
      if !taken { return candidate }
    }
    throw .noFreeGuestAddresses(family)
  }
}
