/// The addresses by which a jail reaches names: one for each name, and those of the link that leads to them. They belong to no network.
public struct NameAddresses: Hashable, Sendable {
  /// The jail's own end of the link.
  public let own: IPAddress
  /// The other end.
  public let peer: IPAddress
  /// One address for each name.
  public let pool: Prefix
  /// All of them.
  public let block: Prefix

  /// How many names a jail can have.
  public static let mostNames = 4096

  private init(_ network: UInt128) {
    block = Prefix(containing: IPAddress(family: .ipv4, value: network), length: 18)
    own = IPAddress(family: .ipv4, value: block.first + 1)
    peer = IPAddress(family: .ipv4, value: block.first + 2)
    pool = Prefix(containing: IPAddress(family: .ipv4, value: block.first + 0x2000), length: 19)
  }

  /// The address of the name with a number from 0 to `mostNames`.
  public func address(_ number: Int) -> IPAddress {
    IPAddress(family: .ipv4, value: pool.first + 1 + UInt128(number))
  }

  /// The number of the name with this address; nil if the address is not in the pool.
  public func number(_ address: IPAddress) -> Int? {
    guard pool.contains(address), address.value > pool.first else { return nil }
    return Int(address.value - pool.first - 1)
  }

  /// All lie in builtin walls.
  static let candidates: [NameAddresses] = [
    // RFC 2544 benchmarking.
    .init(0xc613_4000), .init(0xc612_8000),
    // RFC 6598 shared space.
    .init(0x647f_8000),
    // Private, where few people look.
    .init(0x0a6b_c000),
  ]

  var rule: Rule { Rule(prefix: block, action: .block, origin: .nameAddresses) }

  /// The first candidate that nothing of the host or the uplink and no configured rule is about; nil if there is none.
  static func choose(rules: [Rule], resolvers: [HostFacts.Resolver]) -> NameAddresses? {
    candidates.first { candidate in
      !rules.contains { $0.prefix.length >= 8 && $0.prefix.overlaps(candidate.block) }
        && !resolvers.contains { candidate.block.contains($0.address) }
    }
  }
}
