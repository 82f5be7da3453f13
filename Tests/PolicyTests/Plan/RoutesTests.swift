import Policy
import Testing

struct RoutesTests {
  private func routes(_ lines: String, on facts: HostFacts? = nil) throws -> [String] {
    try plan(lines, on: facts).routes.map { "\($0.kind) \($0.prefix)" }
  }

  static let walls = [
    "blackhole 0.0.0.0/8", "blackhole 10.0.0.0/8", "blackhole 100.64.0.0/10", "blackhole 168.63.129.16/32",
    "blackhole 169.254.0.0/16", "blackhole 172.16.0.0/12", "blackhole 192.0.0.0/24",
    "blackhole 192.168.0.0/16",
    "blackhole 198.18.0.0/15", "blackhole 224.0.0.0/4", "blackhole 240.0.0.0/4", "blackhole ::/3",
    "blackhole 2001::/23", "blackhole 2002::/16", "blackhole 4000::/2", "blackhole 8000::/1",
  ]

  @Test func withoutConfigurationTheWallsAreListed() throws {
    #expect(try Set(routes("")) == Set(Self.walls))
    #expect(try plan().hasDefaultRoute4 && plan().hasDefaultRoute6)
  }

  @Test(arguments: [
    ("allow-ip = 10.0.0.1", ["uplink 10.0.0.1/32"]),
    // One service is enough: the filter tells which.
    ("allow-ip = 10.0.0.1:443/tcp", ["uplink 10.0.0.1/32"]),
    // Where the way is the same as around it, no route is needed.
    ("allow-ip = 8.8.8.8", []), ("block-ip = 10.0.0.1", []), ("block-ip = 8.8.8.8:53", []),
    ("allow-net = 10.0.0.0/24\nallow-ip = 10.0.0.1:22", ["uplink 10.0.0.0/24"]),
    ("block-ip = 8.8.8.8", ["blackhole 8.8.8.8/32"]),
    ("allow-net = 10.0.0.0/24\nblock-ip = 10.0.0.5", ["uplink 10.0.0.0/24", "blackhole 10.0.0.5/32"]),
    ("allow-ip = 10.0.0.1\nblock-ip = 10.0.0.1", []),
    // The walls stay visible inside a larger one.
    ("block-net = 8.0.0.0/5", ["blackhole 8.0.0.0/5"]),
    ("allow-net = fd00::/8\nblock-net = fd01::/16", ["uplink fd00::/8", "blackhole fd01::/16"]),
  ])
  func exceptionsAreAdded(lines: String, added: [String]) throws {
    #expect(try Set(routes(lines)) == Set(Self.walls + added))
    #expect(try routes(lines).count == Self.walls.count + added.count)
  }

  @Test func anOpenedWallIsNoBlackhole() throws {
    let routes = try routes("allow-net = 10.0.0.0/8")
    #expect(Set(routes) == Set(Self.walls).subtracting(["blackhole 10.0.0.0/8"]))
  }

  @Test func withoutDefaultRouteExceptionsHaveRoutes() throws {
    let text = "block-net = 0.0.0.0/0\nallow-ip = 8.8.8.8\nallow-net = 9.0.0.0/8:443"
    #expect(try Set(routes(text)) == Set(Self.walls + ["uplink 8.8.8.8/32", "uplink 9.0.0.0/8"]))
    #expect(try !plan(text).hasDefaultRoute4)
    #expect(try plan(text).hasDefaultRoute6)
    #expect(try plan("block-net = 0.0.0.0/0:25").hasDefaultRoute4)
    let nowhere = try routes("allow-ip = 8.8.8.8", on: HostFacts())
    #expect(nowhere.contains("uplink 8.8.8.8/32"))
  }

  @Test func hostFactsAreBlackholes() throws {
    var facts = try plainHost()
    facts.addresses = [
      .init(address: try ip("203.0.113.7"), prefixLength: 24, link: "eth0"),
      .init(address: try ip("192.168.1.7"), prefixLength: 24, link: "eth1"),
      .init(address: try ip("127.0.0.1"), prefixLength: 8, link: "lo"),
    ]
    #expect(try Set(routes("", on: facts)) == Set(Self.walls + ["blackhole 203.0.113.0/24"]))
    let opened = try routes("allow-net = 203.0.113.0/24", on: facts)
    #expect(Set(opened) == Set(Self.walls + ["blackhole 203.0.113.7/32"]))
  }

  // The kernel has this route from the address; a second one of the same prefix would be refused.
  @Test func theUplinksOwnPrefixIsNeverARoute() throws {
    let plan = try plan("allow-net = fc00::/7")
    let subnet = try #require(plan.ipv6?.subnet)
    #expect(!plan.routes.map(\.prefix).contains(subnet))
  }

  // Whatever the rules are: an address that any service may reach is routed to the uplink, and no other is.
  @Test func routesLeadWhereSomethingIsOpen() throws {
    var random = Random(seed: 5)
    for _ in 0..<60 {
      let sample = try RandomPlan(&random)
      for _ in 0..<40 {
        let destination = sample.flow(&random).destination
        if isKernels(destination, sample.plan) { continue }
        #expect(
          isRouted(destination, sample.plan) == isOpen(destination, sample.plan),
          "\(destination) \(sample.plan.rules)")
      }
    }
  }

  private func isKernels(_ address: IPAddress, _ plan: Plan) -> Bool {
    Prefix("127.0.0.0/8")?.contains(address) == true
      || plan.addresses(address.family)?.subnet.contains(address) == true
  }

  private func isOpen(_ destination: IPAddress, _ plan: Plan) -> Bool {
    TransportProtocol.allCases.contains { transport in
      RandomPlan.ports.flatMap { [$0 &- 1, $0, $0 &+ 1] }.contains { port in
        plan.decide(Flow(destination: destination, transport: transport, port: port)).allowed
      }
    }
  }

  private func isRouted(_ destination: IPAddress, _ plan: Plan) -> Bool {
    let best = plan.routes.filter { $0.prefix.contains(destination) }.max {
      $0.prefix.length < $1.prefix.length
    }
    if let best { return best.kind == .uplink }
    return destination.family == .ipv4 ? plan.hasDefaultRoute4 : plan.hasDefaultRoute6
  }
}
