import Testing

@testable import Policy

/// What a name may lead to.
struct NamePlanTests {
  private func facts() throws -> HostFacts {
    var facts = try plainHost()
    facts.addresses = [
      .init(address: try ip("203.0.113.7"), prefixLength: 24, link: "eth0"),
      .init(address: try ip("10.9.0.5"), prefixLength: 24, link: "eth1"),
      .init(address: try ip("fd00:9::5"), prefixLength: 64, link: "eth1"),
      .init(address: try ip("127.0.0.1"), prefixLength: 8, link: "lo"),
    ]
    facts.routes = [
      .init(destination: try net("10.50.0.0/16"), table: 255, kind: .local, nextHops: [try hop("lo")]),
      .init(destination: try net("10.50.1.0/24"), table: 254, kind: .unicast, nextHops: [try hop("tun0")]),
      .init(destination: try net("10.20.0.0/16"), table: 254, kind: .unicast, nextHops: [try hop("tun0")]),
      .init(destination: try net("45.33.0.0/16"), table: 254, kind: .unicast, nextHops: [try hop("tun0")]),
      .init(destination: try net("10.66.0.0/16"), table: 254, kind: .reject, nextHops: []),
    ]
    facts.resolvers = [.init(address: try ip("10.20.0.53")), .init(address: try ip("9.9.9.9"))]
    return facts
  }

  private static let keys = "allow-domain = public.org:*\nallow-internal-domain = internal.corp:*\n"

  private func decide(
    _ address: String, _ port: UInt16 = 443, isInternal: Bool, _ lines: String = "",
    _ mode: String = "restricted"
  ) throws -> Decision {
    let plan = try plan("network = \(mode)\n" + Self.keys + lines, on: facts())
    let names = try #require(plan.names)
    let domains = try configuration(Self.keys).domains
    let rule = try #require(domains.first { $0.isInternal == isInternal })
    return names.decide(try ip(address), port: port, for: rule)
  }

  /// Both kinds of name, the internal one, none.
  @Test(arguments: ["restricted", "internet"])
  func whereNamesLead(mode: String) throws {
    for text in ["8.8.8.8", "203.0.114.1", "2606:4700::1111", "2001:db8::1"] {
      for isInternal in [false, true] {
        #expect(try decide(text, isInternal: isInternal, "", mode).allowed, "\(text) \(isInternal)")
      }
    }
    for text in [
      "10.1.2.3", "10.9.0.6", "10.20.1.1", "45.33.1.1", "203.0.113.8", "100.64.0.1", "172.16.0.1",
      "192.168.1.1",
      "198.18.0.1", "fd00::1", "fd00:9::6", "fc00::1", "10.20.0.53", "9.9.9.9",
    ] {
      #expect(try !decide(text, isInternal: false, "", mode).allowed, "\(text)")
      let decision = try decide(text, isInternal: true, "", mode)
      #expect(decision.allowed, "\(text): \(decision.rule.origin)")
    }
    for text in [
      // This host, and what it answers for.
      "10.9.0.5", "203.0.113.7", "fd00:9::5", "10.50.3.3", "10.50.1.1", "10.66.1.1",
      // Loopback, links, groups, nobody.
      "127.0.0.1", "127.1.2.3", "::1", "0.0.0.0", "0.1.2.3", "::", "169.254.1.1", "fe80::1", "fec0::1",
      "224.0.0.1",
      "239.1.1.1", "ff02::1", "ff05::1", "240.0.0.1", "255.255.255.255",
      // Metadata.
      "169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254",
      "fd00:c1::a9fe:a9fe",
      // IPv4 in IPv6: mapped, compatible, NAT64, 6to4, Teredo.
      "::ffff:8.8.8.8", "::ffff:10.1.2.3", "::10.1.2.3", "64:ff9b::8.8.8.8", "64:ff9b::a9fe:a9fe",
      "64:ff9b:1::a01:203",
      "2002:a01:203::1", "2001:0:a01:203::1", "4000::1", "8000::1",
      // The jail's own.
      "192.0.0.1", "192.0.0.2", "198.19.64.1", "198.19.64.2", "198.19.96.7",
    ] {
      for isInternal in [false, true] {
        #expect(try !decide(text, isInternal: isInternal, "", mode).allowed, "\(text) \(isInternal)")
      }
    }
  }

  @Test func theReasonIsSaid() throws {
    #expect(try decide("10.1.2.3", isInternal: false).rule.origin.description == "private (RFC 1918)")
    #expect(
      try decide("10.9.0.5", isInternal: true).rule.origin.description == "an address of this host (eth1)")
    let open = try decide("10.1.2.3", isInternal: true).rule
    #expect(open.origin.description == "test.conf:2:1: allow-internal-domain")
    #expect(try open.prefix == net("10.1.2.3/32") && open.action == .allow)
  }

  @Test func aNameServersOwnServiceStaysClosed() throws {
    for (port, isOpen) in [(53, false), (853, false), (389, true), (443, true)] as [(UInt16, Bool)] {
      #expect(try decide("10.20.0.53", port, isInternal: true).allowed == isOpen, "\(port)")
    }
    #expect(try decide("10.20.0.54", 53, isInternal: true).allowed)
  }

  @Test(arguments: [
    // What the configuration blocks stays closed, also where a fact of the host has a longer prefix.
    ("block-ip = 10.1.2.3", "10.1.2.3", 443, false), ("block-net = 10.0.0.0/8", "10.9.0.6", 443, false),
    ("block-net = 10.0.0.0/8", "10.20.1.1", 443, false),
    ("block-net = 0.0.0.0/0:443", "10.1.2.3", 443, false),
    ("block-net = 10.0.0.0/8:22", "10.1.2.3", 443, true),
    ("block-net = 10.0.0.0/8:443/udp", "10.1.2.3", 443, true),
    ("block-net = fd00::/8", "fd00::1", 443, false),
    // Of two configured rules the longer one.
    ("block-net = 10.0.0.0/8\nallow-ip = 10.9.0.6", "10.9.0.6", 443, true),
    ("allow-net = 10.0.0.0/8\nblock-ip = 10.1.2.3", "10.1.2.3", 443, false),
    // No name uses IPv6 where the jail is to have none.
    ("ipv6 = off", "2606:4700::1111", 443, false), ("ipv6 = off", "fd00::1", 443, false),
    ("ipv6 = off\nallow-ip = fd00::1", "fd00::1", 443, false), ("ipv6 = off", "10.1.2.3", 443, true),
  ])
  func configuredBlocksWin(lines: String, address: String, port: UInt16, isOpen: Bool) throws {
    #expect(try decide(address, port, isInternal: true, lines).allowed == isOpen)
  }

  // What is open by address is open by name, whoever opened it.
  @Test func aPublicNameMayLeadToAnException() throws {
    #expect(try decide("10.1.2.3", isInternal: false, "allow-ip = 10.1.2.3:443").allowed)
    #expect(try !decide("10.1.2.3", 80, isInternal: false, "allow-ip = 10.1.2.3:443").allowed)
    #expect(try decide("10.9.0.5", 22, isInternal: true, "allow-ip = 10.9.0.5:22").allowed)
    #expect(try !decide("10.9.0.5", 23, isInternal: true, "allow-ip = 10.9.0.5:22").allowed)
  }

  // The heart of "restricted is narrower": a public name leads nowhere that a jail with the internet could not go.
  @Test func publicNamesOpenNothing() throws {
    let rule = try #require(configuration(Self.keys).domains.first)
    var (random, allowed) = (Random(seed: 60), 0)
    for _ in 0..<120 {
      let sample = try RandomPlan(&random)
      var configuration = sample.configuration
      configuration.network = Sourced(.internet)
      let internet = try Plan.make(configuration: configuration, facts: sample.facts)
      configuration.network = Sourced(.restricted)
      configuration.domains = [rule]
      let names = try #require(Plan.make(configuration: configuration, facts: sample.facts).names)
      for _ in 0..<60 {
        var flow = sample.flow(&random)
        flow.transport = .tcp
        guard names.decide(flow.destination, port: flow.port, for: rule).allowed else { continue }
        allowed += 1
        let decision = internet.decide(flow)
        #expect(
          decision.allowed || internet.ipv6 == nil && flow.destination.family == .ipv6, "\(flow) \(decision)")
      }
    }
    #expect(allowed > 500)
  }

  @Test func whatIsSaidOfANameBeforeItHasAnAddress() throws {
    let lines =
      "allow-domain = a.org:22,443\nblock-domain = b.a.org\nallow-internal-domain = c.corp:22\nallow-domain = x.y.net"
    let restricted = try #require(plan("network = restricted\n" + lines).names)
    let internet = try #require(plan(lines).names)
    let rules = try configuration("network = restricted\n" + lines).domains
    func reach(_ parts: [(ClosedRange<UInt16>, DomainRule?)]) -> NameAnswer {
      .served(parts.map { NameReach(ports: $0.0, rule: $0.1) })
    }
    #expect(
      try restricted.answer(name("z.a.org"))
        == reach([
          (0...21, nil), (22...22, rules[0]), (23...442, nil), (443...443, rules[0]), (444...65535, nil),
        ]))
    #expect(try restricted.answer(name("b.a.org")) == .doesNotExist(rules[1]))
    #expect(try restricted.answer(name("other.org")) == .doesNotExist(nil))
    #expect(try restricted.answer(name("y.net")) == .hasNoAddress)
    #expect(
      try restricted.answer(name("c.corp")) == reach([(0...21, nil), (22...22, rules[2]), (23...65535, nil)]))
    #expect(try internet.answer(name("a.org")) == .asOnHost)
    #expect(try internet.answer(name("other.org")) == .asOnHost)
    #expect(try internet.answer(name("y.net")) == .asOnHost)
    guard case .doesNotExist(.some) = try internet.answer(name("b.a.org")),
      case .served = try internet.answer(name("c.corp"))
    else { throw CancellationError() }
    let parts = NameReach(ports: 1...2, rule: rules[1])
    #expect(
      !parts.isAllowed && NameReach(ports: 1...2, rule: rules[0]).isAllowed
        && !NameReach(ports: 1...2, rule: nil).isAllowed)
  }
}
