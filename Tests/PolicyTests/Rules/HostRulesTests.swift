import Policy
import Testing

/// What is internal because of what the host is: shapes of real hosts.
struct HostRulesTests {
  static let main: UInt32 = 254

  private func route(
    _ destination: String, _ hops: HostFacts.NextHop..., table: UInt32 = main,
    kind: HostFacts.RouteKind = .unicast
  ) throws -> HostFacts.Route {
    HostFacts.Route(destination: try net(destination), table: table, kind: kind, nextHops: hops)
  }

  private func isOpen(_ destination: String, _ facts: HostFacts) throws -> Bool {
    try plan(on: facts).decide(flow(destination)).allowed
  }

  private func origin(_ destination: String, _ facts: HostFacts) throws -> Origin {
    try plan(on: facts).decide(flow(destination)).rule.origin
  }

  @Test func ownAddressesAndConnectedPrefixesAreInternal() throws {
    var facts = try plainHost()
    facts.addresses = [
      .init(address: try ip("203.0.113.7"), prefixLength: 24, link: "eth0"),
      .init(address: try ip("198.51.100.1"), prefixLength: 32, link: "dummy0"),
      .init(address: try ip("2600:1:2:3::7"), prefixLength: 64, link: "eth0"),
    ]
    #expect(try origin("203.0.113.7", facts) == .hostAddress(link: "eth0"))
    #expect(try origin("203.0.113.8", facts) == .connectedPrefix(link: "eth0"))
    #expect(try origin("198.51.100.1", facts) == .hostAddress(link: "dummy0"))
    #expect(try origin("2600:1:2:3::7", facts) == .hostAddress(link: "eth0"))
    #expect(try origin("2600:1:2:3:ffff::", facts) == .connectedPrefix(link: "eth0"))
    for outside in ["203.0.112.255", "203.0.114.0", "198.51.100.2", "2600:1:2:4::"] {
      #expect(try isOpen(outside, facts), "\(outside)")
    }
  }

  @Test func aPublicResolverIsReachedThroughTheSupervisorOnly() throws {
    var facts = try plainHost()
    facts.resolvers = [.init(address: try ip("203.0.113.53"))]
    #expect(try origin("203.0.113.53", facts) == .resolver)
    #expect(try isOpen("203.0.113.54", facts))
  }

  @Test func anAddressOfLengthZeroClosesItselfOnly() throws {
    var facts = try plainHost()
    facts.addresses = [.init(address: try ip("203.0.113.7"), prefixLength: 0, link: "eth0")]
    #expect(try !isOpen("203.0.113.7", facts))
    #expect(try isOpen("203.0.113.8", facts))
  }

  @Test func aPrefixTakenAsideIsInternal() throws {
    var facts = try plainHost()
    facts.routes = [
      try route("0.0.0.0/0", hop("eth0", "192.168.1.1")), try route("203.0.113.0/24", hop("tun0")),
    ]
    #expect(
      try origin("203.0.113.9", facts) == .internalRoute(link: "tun0", gateway: nil, table: Self.main))
    #expect(try isOpen("203.0.112.9", facts))
  }

  @Test func whatTheHostRefusesIsInternal() throws {
    var facts = try plainHost()
    facts.routes.append(try route("203.0.113.0/24", kind: .reject))
    facts.routes.append(try route("0.0.0.0/0", kind: .reject))
    #expect(try origin("203.0.113.9", facts) == .rejectRoute(table: Self.main))
    #expect(try isOpen("203.0.112.9", facts))
  }

  @Test func anotherGatewayOnTheSameLinkIsAside() throws {
    var facts = try plainHost()
    facts.routes = [
      try route("203.0.113.0/24", hop("eth0", "192.168.1.2")),
      try route("198.51.100.0/24", hop("eth0", "192.168.1.1")),
    ]
    #expect(try !isOpen("203.0.113.9", facts))
    #expect(try isOpen("198.51.100.9", facts))
  }

  // OpenVPN's redirect-gateway: the halves are the internet's way; what still leaves by the default route that they cover does not leave
  // as the internet does, the server among it.
  @Test func vpnInTwoHalvesIsTheInternet() throws {
    var facts = HostFacts(ipv4InternetPaths: [try hop("tun0", "10.8.0.1")])
    facts.routes = [
      try route("0.0.0.0/0", hop("eth0", "192.168.1.1")), try route("0.0.0.0/1", hop("tun0", "10.8.0.1")),
      try route("128.0.0.0/1", hop("tun0", "10.8.0.1")),
      try route("198.51.100.5/32", hop("eth0", "192.168.1.1")),
      try route("203.0.113.0/24", hop("tun1")),
    ]
    for address in ["8.8.8.8", "193.0.0.1"] { #expect(try isOpen(address, facts), "\(address)") }
    for address in ["198.51.100.5", "203.0.113.1"] { #expect(try !isOpen(address, facts), "\(address)") }
    #expect(try plan(on: facts).ipv4?.guest == ip("192.0.0.2"))
  }

  // WireGuard's AllowedIPs calculators leave a private prefix out, which takes some forty routes.
  @Test func vpnInFortyPiecesIsTheInternet() throws {
    var facts = HostFacts(ipv4InternetPaths: [try hop("wg0")])
    facts.routes = try (1...40).map { try route("\($0 + 10).0.0.0/8", hop("wg0")) }
    facts.routes.append(try route("20.30.0.0/16", hop("eth1", "192.168.5.1")))
    #expect(try isOpen("11.1.1.1", facts))
    #expect(try isOpen("50.1.1.1", facts))
    #expect(try !isOpen("20.30.1.1", facts))
  }

  // What the kernel answers is the VPN's; a default route that lost still counts.
  @Test func twoDefaultRoutesBothCount() throws {
    var facts = try plainHost()
    facts.routes = [
      try route("0.0.0.0/0", hop("eth0", "192.168.1.1")), try route("0.0.0.0/0", hop("wlan0", "192.168.2.1")),
      try route("203.0.113.0/24", hop("wlan0", "192.168.2.1")),
      try route("198.51.100.0/24", hop("wlan0", "192.168.2.2")),
    ]
    #expect(try isOpen("203.0.113.1", facts))
    #expect(try !isOpen("198.51.100.1", facts))
  }

  @Test func aDefaultRouteOfOneFamilySaysNothingAboutTheOther() throws {
    var facts = try plainHost()
    facts.routes = [try route("::/0", hop("tun0")), try route("203.0.113.0/24", hop("tun0"))]
    #expect(try !isOpen("203.0.113.1", facts))
  }

  @Test func policyTablesCount() throws {
    var facts = HostFacts(ipv4InternetPaths: [try hop("wg0")])
    facts.routes = [
      try route("0.0.0.0/0", hop("wg0"), table: 51820), try route("203.0.113.0/24", hop("tun0"), table: 100),
      try route("198.51.100.0/24", hop("wg0"), table: 51820),
    ]
    #expect(try origin("203.0.113.1", facts) == .internalRoute(link: "tun0", gateway: nil, table: 100))
    #expect(try isOpen("198.51.100.1", facts))
  }

  @Test func oneInternalNextHopOfSeveralIsEnough() throws {
    var facts = try plainHost()
    facts.routes = [
      try route("203.0.113.0/24", hop("eth0", "192.168.1.1"), hop("tun0")),
      // The next hops are unknown, for example a nexthop object.
      try route("198.51.100.0/24"),
    ]
    #expect(try !isOpen("203.0.113.1", facts))
    #expect(try !isOpen("198.51.100.1", facts))
  }

  @Test func localRoutesAreInternalAndOtherKindsAreNot() throws {
    var facts = try plainHost()
    facts.routes = [
      try route("203.0.113.0/24", hop("lo"), table: 255, kind: .local),
      try route("198.51.100.0/24", hop("eth0"), kind: .other),
      // Transparent proxies route everything to themselves, for marked packets only.
      try route("0.0.0.0/0", hop("lo"), table: 100, kind: .local),
    ]
    #expect(try origin("203.0.113.1", facts) == .localRoute(link: "lo", table: 255))
    #expect(try isOpen("198.51.100.1", facts))
  }

  @Test func aLocalDefaultRouteIsNotAWayOut() throws {
    var facts = try plainHost()
    facts.routes = [
      try route("0.0.0.0/0", hop("lo"), table: 100, kind: .local), try route("203.0.113.0/24", hop("lo")),
    ]
    #expect(try !isOpen("203.0.113.1", facts))
  }

  @Test func noInternetStartsWithExceptionsOnly() throws {
    let facts = HostFacts(routes: [try route("203.0.113.0/24", hop("eth0"))])
    let plan = try plan("allow-ip = 10.0.0.1:443\nallow-ip = 203.0.113.7", on: facts)
    #expect(try plan.decide(flow("8.8.8.8")).rule.origin == .noInternet)
    #expect(try plan.decide(flow("10.0.0.1")).allowed)
    #expect(try plan.decide(flow("203.0.113.7")).allowed)
    #expect(!plan.hasDefaultRoute4 && !plan.hasDefaultRoute6)
  }

  @Test func eachPrefixIsOneRule() throws {
    var facts = try plainHost()
    facts.addresses = [
      .init(address: try ip("203.0.113.7"), prefixLength: 24, link: "eth0"),
      .init(address: try ip("203.0.113.8"), prefixLength: 24, link: "eth0"),
    ]
    facts.routes = [
      try route("203.0.113.0/24", hop("eth0")),
      try route("203.0.113.7/32", hop("lo"), table: 255, kind: .local),
    ]
    let prefixes = try plan(on: facts).rules.map(\.prefix).filter { try net("203.0.113.0/24").contains($0) }
    #expect(try Set(prefixes) == Set(["203.0.113.7/32", "203.0.113.8/32", "203.0.113.0/24"].map(net)))
    #expect(prefixes.count == 3)
  }
}
