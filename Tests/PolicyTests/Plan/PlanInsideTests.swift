import Policy
import Testing

/// What can be known of a jail from inside is what it was launched with.
struct PlanInsideTests {
  /// What a jail tells of itself.
  private func facts(_ jail: Plan) throws -> HostFacts {
    let guests = [jail.ipv4, jail.ipv6].compactMap(\.self)
    let uplink = try hop("uplink0", "192.0.0.1")
    let gateway = jail.names.flatMap { $0.hasGateway ? $0.addresses : nil }
    var addresses = [HostFacts.Address(address: try ip("127.0.0.1"), prefixLength: 8, link: "lo")]
    addresses += guests.map { .init(address: $0.guest, prefixLength: $0.subnet.length, link: "uplink0") }
    if let gateway { addresses.append(.init(address: gateway.own, prefixLength: 18, link: "names0")) }
    return HostFacts(
      addresses: addresses,
      routes: jail.routes.map {
        let isWall = $0.kind == .blackhole
        return .init(
          destination: $0.prefix, table: 254, kind: isWall ? .reject : .unicast,
          nextHops: isWall ? [] : [uplink])
      },
      ipv4InternetPaths: jail.hasDefaultRoute4 ? [uplink] : [],
      ipv6InternetPaths: jail.hasDefaultRoute6 ? [uplink] : [])
  }

  @Test(arguments: [
    "", "allow-ip = 10.1.2.3:443\n", "allow-net = 45.33.0.0/16\n",
    "block-net = 8.8.0.0/16\nallow-ip = 8.8.8.8\n", "ipv6 = off\n",
    "network = restricted\n", "network = restricted\nallow-ip = 10.1.2.3:443\nallow-domain = a.org\n",
    "allow-internal-domain = a.corp:22\n",
  ])
  func bothDecideTheSame(text: String) throws {
    var host = try plainHost()
    host.addresses = [.init(address: try ip("45.33.99.9"), prefixLength: 24, link: "eth0")]
    host.routes = [
      .init(destination: try net("20.0.0.0/8"), table: 254, kind: .unicast, nextHops: [try hop("tun0")])
    ]
    host.resolvers = [.init(address: try ip("9.9.9.9"))]
    let jail = try plan(text, on: host)
    let seen = try Plan.inside(configuration: configuration(text), facts: facts(jail))
    #expect(seen.network == jail.network && seen.names?.hasGateway == jail.names?.hasGateway)
    #expect(seen.names?.policy == jail.names?.policy && seen.names?.isExclusive == jail.names?.isExclusive)
    if jail.names?.hasGateway == true { #expect(seen.names?.addresses == jail.names?.addresses) }
    #expect(seen.ipv4 == jail.ipv4 && seen.ipv6 == jail.ipv6 && seen.filter == jail.filter)
    for address in [
      "1.1.1.1", "10.1.2.3", "10.1.2.4", "45.33.99.9", "45.33.99.8", "45.33.1.1", "20.1.1.1", "9.9.9.9",
      "8.8.8.8", "8.8.4.4",
      "192.0.0.1", "127.0.0.1", "2606:4700::1111", "fd00::1", "fd6a:61e1:c5b2::1",
    ] {
      for port in [22, 443] as [UInt16] {
        let flow = try flow(address, .tcp, port)
        #expect(seen.decide(flow).allowed == jail.decide(flow).allowed, "\(address):\(port)")
      }
    }
  }

  // It is what it was launched as, whatever the files say by now.
  @Test(arguments: ["", "network = restricted", "network = none", "allow-domain = a.org"])
  func theModeIsTheJails(text: String) throws {
    for mode in ["", "network = restricted", "network = restricted\nallow-ip = 10.0.0.1"] {
      let jail = try plan(mode)
      let seen = try Plan.inside(configuration: configuration(text), facts: facts(jail))
      #expect(seen.network == jail.network && seen.hasUplink == jail.hasUplink, "\(mode)")
      #expect(try seen.decide(flow("8.8.8.8")).allowed == jail.decide(flow("8.8.8.8")).allowed)
    }
  }

  @Test func withoutAnUplinkNothingIsOpen() throws {
    let seen = try Plan.inside(configuration: configuration(""), facts: HostFacts())
    #expect(seen.network == .none)
    #expect(try !seen.decide(flow("1.1.1.1")).allowed)
  }

  @Test func aRouteThatRefusesWins() throws {
    let plan = try plan("allow-ip = 10.1.2.3:443\n")
    let address = try ip("10.1.2.3")
    #expect(plan.reach(of: address).map(\.decision.allowed).contains(true))
    #expect(!plan.refused(address).map(\.decision.allowed).contains(true))
  }
}
