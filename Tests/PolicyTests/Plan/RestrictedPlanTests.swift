import Testing

@testable import Policy

/// `network = restricted`: with an uplink for what is opened by address, without one otherwise.
struct RestrictedPlanTests {
  @Test func withoutAddressesThereIsNoUplink() throws {
    for lines in ["", "allow-domain = github.com", "block-ip = 8.8.8.8", "allow-internal-domain = a.corp:22"]
    {
      let plan = try plan("network = restricted\n\(lines)")
      #expect(plan.network == .restricted && !plan.hasUplink && plan.routes.isEmpty)
      #expect(!plan.hasDefaultRoute4 && !plan.hasDefaultRoute6 && plan.filter == .dropEverything)
      #expect(try plan.decide(flow("8.8.8.8")).rule.origin == .networkRestricted)
      let names = try #require(plan.names)
      #expect(names.isExclusive && names.hasGateway)
    }
  }

  @Test func whatNothingOpensIsRefusedByARoute() throws {
    let plan = try plan(
      "network = restricted\nallow-ip = 10.0.0.1:443\nallow-net = 8.8.8.0/24\nblock-ip = 8.8.8.8")
    let routes = plan.routes.map { "\($0.kind) \($0.prefix)" }
    let open = ["uplink 10.0.0.1/32", "uplink 8.8.8.0/24", "blackhole 8.8.8.8/32"]
    #expect(Set(routes) == Set(RoutesTests.walls + open + ["blackhole 0.0.0.0/0", "blackhole ::/0"]))
    #expect(routes.first == "blackhole 0.0.0.0/0" && routes.count == Set(routes).count)
    #expect(!plan.hasDefaultRoute4 && !plan.hasDefaultRoute6 && plan.hasUplink)
    #expect(!plan.routes.contains { $0.prefix == BuiltinPrefix.loopback4.prefix })
    for (text, isOpen) in [("10.0.0.1", true), ("8.8.8.1", true), ("8.8.8.8", false), ("1.1.1.1", false)] {
      #expect(try plan.decide(flow(text)).allowed == isOpen, "\(text)")
    }
    #expect(try plan.decide(flow("1.1.1.1")).rule.origin == .networkRestricted)
    #expect(try plan.decide(flow("2600::1")).rule.origin == .networkRestricted)
    guard case .proven = FilterProof.check(plan) else { throw CancellationError() }
  }

  @Test func withoutIPv6ThereIsNoRouteOfIt() throws {
    let plan = try plan("network = restricted\nipv6 = off\nallow-ip = 10.0.0.1")
    #expect(
      plan.routes.contains { $0.prefix.isEverything } && plan.routes.allSatisfy { $0.prefix.family == .ipv4 })
  }

  @Test func namesHaveAddressesThatNobodyUses() throws {
    let block = try net("198.19.64.0/18")
    #expect(try plan("network = restricted").names?.addresses.block == block)
    for line in ["allow-ip = 198.19.64.9", "block-net = 198.19.96.0/24", "allow-net = 198.18.0.0/15"] {
      #expect(try plan("network = restricted\n\(line)").names?.addresses.block != block, "\(line)")
    }
    var facts = try plainHost()
    facts.resolvers = [.init(address: try ip("198.19.100.1"))]
    #expect(try plan("network = restricted", on: facts).names?.addresses.block == net("198.18.128.0/18"))
    facts = try plainHost()
    facts.addresses = [.init(address: try ip("198.19.65.1"), prefixLength: 24, link: "eth1")]
    #expect(try plan("network = restricted", on: facts).names?.addresses.block == net("198.18.128.0/18"))
  }

  // The uplink's third candidate is in the names' second one.
  @Test func namesAndUplinkKeepClearOfEachOther() throws {
    let lines =
      "network = restricted\nallow-ip = 192.0.0.9\nblock-net = 192.0.0.0/24\nblock-net = 198.19.0.0/16\n"
    let plan = try plan(lines)
    let (guest, names) = (try #require(plan.ipv4), try #require(plan.names))
    #expect(try guest.subnet == net("198.18.165.72/29"))
    #expect(!names.addresses.block.overlaps(guest.subnet))
    for (index, one) in NameAddresses.candidates.enumerated() {
      #expect(BuiltinPrefix.walls.contains { $0.prefix.contains(one.block) })
      #expect(one.block.contains(one.pool) && !one.pool.contains(one.own) && !one.pool.contains(one.peer))
      #expect(one.pool.contains(one.address(0)) && one.pool.contains(one.address(NameAddresses.mostNames)))
      #expect(one.number(one.address(17)) == 17 && one.number(one.own) == nil)
      #expect(!NameAddresses.candidates[..<index].contains { $0.block.overlaps(one.block) })
    }
  }

  @Test func withoutFreeAddressesThereIsNoPlan() throws {
    let lines = "block-net = 198.18.0.0/15\nblock-net = 100.64.0.0/10\nblock-net = 10.0.0.0/8\n"
    #expect(throws: PlanError.noFreeNameAddresses) { try plan("network = restricted\n" + lines) }
    #expect(throws: PlanError.noFreeNameAddresses) { try plan("allow-internal-domain = a.b:1\n" + lines) }
    #expect(PlanError.noFreeNameAddresses.description.contains("198.19.64.0/18"))
    // Who needs none is not refused for it.
    #expect(try plan("block-domain = a.org\n" + lines).names?.hasGateway == false)
  }

  @Test(arguments: [
    ("", false, 0), ("allow-domain = a.org", false, 1), ("block-domain = a.org", false, 1),
    ("allow-internal-domain = a.corp:22", true, 1),
    ("allow-internal-domain = a.corp:22\nblock-domain = b\nallow-domain = c", true, 3),
  ])
  func inInternetOnlyInternalNamesNeedAGateway(lines: String, hasGateway: Bool, rules: Int) throws {
    let names = try #require(plan(lines).names)
    #expect(!names.isExclusive && names.hasGateway == hasGateway && names.policy.rules.count == rules)
  }

  @Test func noNetworkMeansNoNames() throws {
    #expect(try plan("network = none\nallow-domain = a.org").names == nil)
  }

  @Test func nothingLeadsPastTheNames() throws {
    let start = try plan("network = restricted\nallow-ip = 10.0.0.1\nallow-domain = a.org")
    let later = try Plan.make(
      configuration: configuration(
        "network = restricted\nallow-ip = 10.0.0.1\nallow-ip = 198.19.100.1\nallow-net = 198.19.0.0/16"),
      facts: plainHost(), keeping: start)
    #expect(later.names?.addresses == start.names?.addresses)
    for text in ["198.19.100.1", "198.19.64.1", "198.19.127.255"] {
      #expect(try later.decide(flow(text)).rule.origin == .nameAddresses, "\(text)")
    }
    #expect(try later.decide(flow("198.19.63.255")).allowed && later.decide(flow("198.19.128.0")).allowed)
    #expect(
      !later.routes.contains {
        $0.kind == .uplink && $0.prefix.length > 16 && $0.prefix.description.hasPrefix("198")
      })
    guard case .proven = FilterProof.check(later) else { throw CancellationError() }
  }

  @Test func aRunningJailKeepsWhatItHas() throws {
    func later(_ before: String, _ after: String) throws -> (Plan, Plan) {
      let started = try plan(before)
      return (
        started, try Plan.make(configuration: configuration(after), facts: plainHost(), keeping: started)
      )
    }
    // Without an uplink it stays without.
    var (started, now) = try later(
      "network = restricted", "network = restricted\nallow-ip = 10.0.0.1\nallow-domain = a")
    #expect(!now.hasUplink && now.routes.isEmpty && now.names?.policy.rules.count == 1)
    #expect(now.names?.addresses == started.names?.addresses)
    // With one that it no longer needs, it closes all.
    (started, now) = try later("network = restricted\nallow-ip = 10.0.0.1", "network = restricted")
    #expect(try !now.decide(flow("10.0.0.1")).allowed && now.network == .restricted)
    // Without a gateway it stays without, and nobody takes an internal name for served.
    (started, now) = try later("", "allow-internal-domain = a.corp:22\nblock-domain = b.org")
    let names = try #require(now.names)
    #expect(!names.hasGateway && names.policy.rules.map(\.action) == [.block])
    #expect(try names.answer(name("a.corp")) == .asOnHost)
    // With one it keeps it.
    (started, now) = try later("allow-internal-domain = a.corp:22", "")
    #expect(now.names?.hasGateway == true && now.names?.addresses == started.names?.addresses)
    // Without a network it stays without.
    (started, now) = try later("network = none", "allow-domain = a.org")
    #expect(now.network == .none && now.names == nil)
  }

  // A jail that runs with an uplink that no rule needs any more keeps its link, and its addresses.
  @Test func anUplinkThatNobodyNeedsIsKeptClosed() throws {
    let started = try plan("network = restricted\nallow-ip = 10.0.0.1")
    let now = try Plan.make(
      configuration: configuration("network = restricted"), facts: plainHost(), keeping: started)
    #expect(now.ipv4 == started.ipv4 && now.ipv6 == started.ipv6)
    #expect(now.routes.contains { $0.prefix.isEverything && $0.kind == .blackhole })
  }
}
