import Policy
import Testing

/// The uplink's addresses, the base of each family, and refusals.
struct PlanTests {
  @Test func thePreferredAddressesAreTaken() throws {
    let plan = try plan()
    let ipv4 = try #require(plan.ipv4)
    #expect(try ipv4.guest == ip("192.0.0.2") && ipv4.gateway == ip("192.0.0.1"))
    #expect(try ipv4.subnet == net("192.0.0.0/29"))
    let ipv6 = try #require(plan.ipv6)
    #expect(try net("fd00::/8").contains(ipv6.subnet) && ipv6.subnet.length == 64)
    #expect(ipv6.subnet.contains(ipv6.guest) && ipv6.subnet.contains(ipv6.gateway))
    #expect(ipv6.guest != ipv6.gateway)
  }

  @Test(arguments: ["192.0.0.0/29", "192.0.0.0/24", "192.0.0.3/32", "192.0.0.0/30"])
  func whatTheHostUsesIsAvoided(prefix: String) throws {
    let taken = try net(prefix)
    var facts = try plainHost()
    facts.addresses = [.init(address: taken.address, prefixLength: taken.length, link: "clat")]
    #expect(try plan(on: facts).ipv4?.subnet == net("198.19.255.248/29"))
    facts = try plainHost()
    facts.routes = [.init(destination: taken, table: 254, kind: .unicast, nextHops: [try hop("tun0")])]
    #expect(try plan(on: facts).ipv4?.subnet == net("198.19.255.248/29"))
    let line = taken.length == 32 ? "allow-ip = \(taken.address)" : "allow-net = \(taken)"
    #expect(try plan(line).ipv4?.subnet == net("198.19.255.248/29"))
    #expect(try plan(line).decide(flow("192.0.0.3")).allowed)
  }

  @Test func aResolverInTheSubnetIsAvoided() throws {
    var facts = try plainHost()
    facts.resolvers = [.init(address: try ip("192.0.0.5"))]
    #expect(try plan(on: facts).ipv4?.subnet != net("192.0.0.0/29"))
    facts.resolvers = [.init(address: try ip("192.0.0.9"))]
    #expect(try plan(on: facts).ipv4?.subnet == net("192.0.0.0/29"))
  }

  // Nobody means these addresses in particular.
  @Test func widePrefixesRefuseNoCandidate() throws {
    let plan = try plan(
      "block-net = 0.0.0.0/0\nblock-net = ::/0\nallow-net = 192.0.0.0/4\nallow-net = fc00::/7")
    #expect(try plan.ipv4?.subnet == net("192.0.0.0/29"))
    let ipv6 = try #require(plan.ipv6)
    // An exception around the uplink does not open the uplink's own addresses.
    for address in [ipv6.guest, ipv6.gateway] {
      let flow = Flow(destination: address, transport: .tcp, port: 22)
      #expect(plan.decide(flow).rule.origin == .guestSubnet)
    }
    #expect(try plan.decide(flow("fd00::1")).allowed)
  }

  @Test func noFreeAddressesIsAnError() throws {
    #expect(throws: PlanError.noFreeGuestAddresses(.ipv4)) {
      try plan(
        "allow-net = 192.0.0.0/24\nallow-net = 198.18.0.0/15\nallow-net = 100.64.0.0/10")
    }
    #expect(throws: PlanError.noFreeGuestAddresses(.ipv6)) {
      try plan("block-net = fc00::/8\nblock-net = fd00::/8\nblock-net = 100::/32")
    }
  }

  // The filter must refuse the gateway's address: the host really connects to it.
  @Test(arguments: ["", "allow-net = 192.0.0.0/24", "allow-net = 192.0.0.0/24\nallow-net = 198.18.0.0/15"])
  func nobodyReachesTheUplinkItself(lines: String) throws {
    let plan = try plan(lines)
    for addresses in [plan.ipv4, plan.ipv6] {
      let addresses = try #require(addresses)
      for address in [addresses.guest, addresses.gateway] {
        for transport in TransportProtocol.allCases {
          #expect(!plan.decide(Flow(destination: address, transport: transport, port: 53)).allowed)
        }
      }
    }
  }

  @Test func ipv6FollowsTheHostAndTheExceptions() throws {
    let only4 = HostFacts(ipv4InternetPaths: [try hop("eth0", "192.168.1.1")])
    #expect(try plan(on: only4).ipv6 == nil)
    #expect(try plan("block-ip = 2600::1", on: only4).ipv6 == nil)
    #expect(try plan("allow-ip = fd00::1", on: only4).ipv6 != nil)
    #expect(try plan("allow-ip = fd00::1", on: only4).hasDefaultRoute6 == false)
    #expect(try plan("allow-ip = fd00::1\nipv6 = off", on: only4).ipv6 == nil)
    #expect(try plan().ipv6 != nil)
    #expect(try plan("ipv6 = off").ipv6 == nil)
  }

  // The addresses of a running jail cannot be changed; what they overlap with later is closed by the filter.
  @Test func aRunningJailKeepsItsUplink() throws {
    let configuration = try configuration("")
    let started = try plan()
    var facts = try plainHost()
    facts.routes = [
      .init(destination: try net("192.0.0.0/29"), table: 254, kind: .unicast, nextHops: [try hop("tun0")]),
      .init(destination: try net("203.0.113.0/24"), table: 254, kind: .unicast, nextHops: [try hop("tun0")]),
    ]
    facts.ipv6InternetPaths = []
    let now = try Plan.make(configuration: configuration, facts: facts, keeping: started)
    #expect(now.ipv4 == started.ipv4 && now.ipv6 == started.ipv6)
    #expect(try !now.decide(flow("203.0.113.1")).allowed && !now.decide(flow("192.0.0.3")).allowed)
    #expect(!now.hasDefaultRoute6)

    let without = try plan(on: HostFacts(ipv4InternetPaths: [try hop("eth0")]))
    let later = try Plan.make(configuration: configuration, facts: plainHost(), keeping: without)
    #expect(later.ipv6 == nil && !later.hasDefaultRoute6)
    #expect(try later.decide(flow("2600::1")).rule.origin == .noIPv6)
  }

  @Test func withoutIPv6NothingOfItIsLeft() throws {
    let plan = try plan("ipv6 = off\nallow-ip = fd00::1")
    #expect(plan.routes.allSatisfy { $0.prefix.family == .ipv4 })
    #expect(!plan.hasDefaultRoute6 && plan.hasDefaultRoute4)
  }

  @Test func withoutNetworkNothingIsLeft() throws {
    let plan = try plan("network = none\nallow-ip = 10.0.0.1")
    #expect(plan.network == .none)
    #expect(plan.ipv4 == nil && plan.ipv6 == nil)
    #expect(plan.routes.isEmpty && !plan.hasDefaultRoute4 && !plan.hasDefaultRoute6)
    #expect(plan.filter == .dropEverything)
  }

  @Test func tooManyExceptionsAreRefusedWithAdvice() throws {
    let lines = (0..<4000).map { "allow-ip = 10.\($0 / 256).\($0 % 256).1:443" }.joined(separator: "\n")
    let error = try #require(throws: PlanError.self) { try plan(lines) }
    guard case .filterTooLarge(let instructions, 4000, 0) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(instructions > FilterProgram.maximum)
    #expect(error.description.contains("merge neighbouring allow-ip"))
  }
}
