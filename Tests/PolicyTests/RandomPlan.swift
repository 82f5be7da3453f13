import Policy

/// Random plans whose prefixes nest, touch and repeat, and flows at the edges of what they say.
struct RandomPlan {
  let configuration: Configuration
  let facts: HostFacts
  let plan: Plan
  // Every rule's prefix, for aiming at its edges.
  private let prefixes: [Prefix]

  static let ports: [UInt16] = [0, 1, 22, 53, 80, 442, 443, 444, 8000, 8999, 9000, 65534, 65535]

  init(_ random: inout Random) throws {
    var configuration = Configuration()
    let clusters = (0..<3).map { _ in Self.address(&random) }
    for line in 0..<random.below(24) {
      configuration.rules.append(Self.rule(line + 1, random.pick(clusters), &random))
    }
    if random.one(in: 8) { configuration.ipv6 = Sourced(.off) }
    if random.one(in: 4) { configuration.network = Sourced(.restricted) }
    var facts = HostFacts()
    let out = HostFacts.NextHop(link: "eth0", gateway: nil)
    let aside = HostFacts.NextHop(link: "tun0", gateway: nil)
    if !random.one(in: 5) { facts.ipv4InternetPaths = [out] }
    if !random.one(in: 3) { facts.ipv6InternetPaths = [out] }
    for _ in 0..<random.below(3) {
      let prefix = Self.prefix(random.pick(clusters), &random)
      facts.addresses.append(.init(address: prefix.address, prefixLength: prefix.length, link: "eth1"))
    }
    for _ in 0..<random.below(4) {
      facts.routes.append(
        .init(
          destination: Self.prefix(random.pick(clusters), &random), table: 254, kind: .unicast,
          nextHops: [random.bool() ? out : aside]))
    }
    self.configuration = configuration
    self.facts = facts
    plan = try Plan.make(configuration: configuration, facts: facts)
    prefixes = plan.rules.map(\.prefix)
  }

  /// A flow, more often than not at the very edge of some rule.
  func flow(_ random: inout Random) -> Flow {
    Flow(
      destination: edge(&random), transport: random.pick([.tcp, .tcp, .udp, .icmp]),
      port: random.one(in: 8) ? UInt16(truncatingIfNeeded: random.next()) : random.pick(Self.ports))
  }

  private func edge(_ random: inout Random) -> IPAddress {
    let prefix = random.pick(prefixes)
    let first = prefix.address.value
    let size = UInt128(1) << UInt128(prefix.family.bits - prefix.length)
    let value: UInt128
    switch random.below(6) {
    case 0: value = first
    case 1: value = first &- 1
    case 2: value = first &+ size &- 1
    case 3: value = first &+ size
    case 4: value = first ^ (1 << UInt128(random.below(prefix.family.bits)))
    default: value = first &+ (UInt128(random.next()) << 64 | UInt128(random.next())) % max(size, 1)
    }
    return Self.address(prefix.family, value)
  }

  static func rule(_ line: Int, _ near: IPAddress, _ random: inout Random) -> Rule {
    Rule(
      prefix: prefix(near, &random), services: services(&random), action: random.bool() ? .allow : .block,
      origin: .configuration(Policy.SourceLocation(file: "random", line: line, column: 1), key: "random"))
  }

  private static func prefix(_ near: IPAddress, _ random: inout Random) -> Prefix {
    let bits = near.family.bits
    // Ends of 32-bit words are where a search has to change words.
    let lengths = [0, 1, 8, 31, 32, 33, 48, 63, 64, 65, 96, 97, 127, 128, bits, bits, bits - 1]
    let length = min(bits, random.one(in: 3) ? random.below(bits + 1) : random.pick(lengths))
    let value = near.value ^ (random.bool() ? 0 : 1 << UInt128(random.below(bits)))
    return Prefix(containing: address(near.family, value), length: length)
  }

  private static func services(_ random: inout Random) -> Services {
    switch random.below(4) {
    case 0, 1: .all
    case 2: Services(tcp: portSet(&random), udp: portSet(&random), echo: random.bool())
    default:
      Services(tcp: PortSet(443), udp: random.bool() ? PortSet(443) : .none, echo: false)
    }
  }

  private static func portSet(_ random: inout Random) -> PortSet {
    PortSet(
      (0..<random.below(4)).map { _ in
        let a = random.pick(ports)
        let b = random.bool() ? a : random.pick(ports)
        return min(a, b)...max(a, b)
      })
  }

  static func address(_ random: inout Random) -> IPAddress {
    let wide = UInt128(random.next()) << 64 | UInt128(random.next())
    switch random.below(6) {
    case 0: return address(.ipv4, 0x0a00_0000 | wide & 0xff_ffff)
    case 1: return address(.ipv4, wide)
    case 2: return address(.ipv4, 0xac10_0000 | wide & 0xf_ffff)
    case 3: return address(.ipv6, 0xfd00 << 112 | wide & 0xffff_ffff)
    case 4: return address(.ipv6, 0x2000 << 112 | wide & ~(0xe000 << 112))
    default: return address(.ipv6, 0x2001 << 112 | wide & 0x1ff << 96)
    }
  }

  private static func address(_ family: Family, _ value: UInt128) -> IPAddress {
    let bytes = (0..<family.bits / 8).reversed().map {
      UInt8(truncatingIfNeeded: value >> UInt128(8 * $0))
    }
    guard let address = IPAddress(family: family, bytes: bytes) else {
      fatalError("an address has that many bytes")
    }
    return address
  }
}
