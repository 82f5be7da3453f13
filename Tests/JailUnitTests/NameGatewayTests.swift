import Inspection
import Linux
import Policy
import Record
import Testing

@testable import Jail

/// What a connection to a name meets, from its first packet to its end.
@Suite struct NameGatewayTests {
  /// A port of 127.0.0.1 at which somebody listens.
  private static func listener() throws -> InternetSocket {
    let any = try #require(SocketAddress([127, 0, 0, 1], port: 0))
    let socket = try InternetSocket(.stream, for: any)
    try socket.bind(to: any)
    try socket.listen(backlog: 1024)
    return socket
  }

  /// One at which nobody does.
  private static func nobody() throws -> SocketAddress {
    let any = try #require(SocketAddress([127, 0, 0, 1], port: 0))
    let socket = try InternetSocket(.datagram, for: any)
    try socket.bind(to: any)
    return try #require(SocketAddress([127, 0, 0, 1], port: try socket.localAddress().port))
  }

  private static func bench(
    _ names: [String] = ["example.org"], closed: [String] = [], capacity: Int = ConnectionTable.most,
    upstream: SocketAddress
  ) throws -> GatewayBench {
    let rules = try names.map { try GatewayBench.rule($0, ports: PortSet([443...443, 1000...2000])) }
    let bench = try GatewayBench(GatewayBench.plan(rules, closed: closed), capacity: capacity) { _ in upstream
    }
    for name in names { try bench.resolve(name, ["192.0.2.1"]) }
    return bench
  }

  private static func expect(_ answers: [[UInt8]], icmp code: UInt8) {
    #expect(answers.count == 1)
    #expect(answers.first?[9] == 1 && answers.first?[20...21] == [3, code])
  }

  @Test func aConnection() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(["git.corp.example"], upstream: try upstream.localAddress())
    let address = try bench.address("git.corp.example")
    let syn = GatewayBench.syn(to: address)
    #expect(try bench.send(syn).isEmpty && bench.pass().isEmpty)
    let flow = NameFlow(source: 40_000, address: try #require(IPAddress(bytes: address)), port: 443)
    // The listener is there before the connection, and both before the handshake goes on.
    #expect(
      bench.orders == [
        .listen(port: 443), .connect(id: 1, flow, names: ["git.corp.example", "git"]),
      ])
    let header = try #require(RefusedHeader(syn))
    let held = try #require(HeldSYN(syn, header))
    #expect(try bench.proceeded() == [held.packet])
    #expect(try bench.answers().isEmpty)
    // Until the relay has it, a packet that was lost is written again.
    #expect(try bench.send(syn).isEmpty)
    #expect(try bench.proceeded().count == 1)
    #expect(bench.gateway.reported(.accepted(id: 1)).isEmpty)
    #expect(try bench.send(syn).isEmpty)
    #expect(try bench.proceeded().isEmpty && bench.orders.count == 2)
    #expect(bench.gateway.connectionCount == 1)
    #expect(bench.gateway.reported(.closed(id: 1)).isEmpty)
    #expect(bench.gateway.connectionCount == 0 && bench.gateway.deadline == nil)
    // The port stays.
    #expect(try bench.send(GatewayBench.syn(to: address, from: 40_001)).isEmpty && bench.pass().isEmpty)
    #expect(bench.orders.count == 3)
  }

  @Test func refused() throws {
    let bench = try Self.bench(upstream: try Self.nobody())
    let syn = GatewayBench.syn(to: try bench.address("example.org"))
    #expect(try bench.send(syn).isEmpty && bench.pass().isEmpty)
    let answers = try bench.answers()
    #expect(answers.count == 1 && answers[0][33] == 0x14)
    #expect(bench.orders.isEmpty && bench.gateway.connectionCount == 0)
    #expect(try bench.proceeded().isEmpty)
  }

  /// By a rule, without one, at a port, at an address of no name.
  @Test func notAllowed() throws {
    let bench = try Self.bench(upstream: try Self.nobody())
    let rules = [
      try GatewayBench.rule("example.org", ports: PortSet(443)),
      try GatewayBench.rule("bad.example.org", .block),
    ]
    bench.directory.use(GatewayBench.plan(rules))
    let cases: [(String, UInt16, DomainRule?)] = [
      ("bad.example.org", 443, rules[1]), ("other.example", 443, nil), ("example.org", 22, nil),
    ]
    for (name, port, rule) in cases {
      let effects = try bench.send(GatewayBench.syn(to: try bench.address(name), port: port))
      let expected = RefusedConnection(
        name: try #require(DomainName(name)), port: port, reason: .notAllowed(rule), sender: .unknown)
      #expect(refusedConnections(effects) == [expected] && effects.count == 1)
      Self.expect(try bench.answers(), icmp: 13)
    }
    guard case .refused(let packet)? = try bench.send(GatewayBench.syn(to: [198, 19, 127, 1])).first else {
      Issue.record("an address of no name")
      return
    }
    #expect(packet.destination.description == "198.19.127.1" && packet.port == 443)
    Self.expect(try bench.answers(), icmp: 13)
    #expect(bench.gateway.connectionCount == 0)
  }

  @Test func whatIsNoRequest() throws {
    let bench = try Self.bench(upstream: try Self.nobody())
    let address = try bench.address("example.org")
    let syn = GatewayBench.syn(to: address)
    // UDP is told that nobody is there, so that QUIC falls back; an echo request that it may not.
    #expect(try bench.send(changed(syn, 9, 17)).isEmpty)
    Self.expect(try bench.answers(), icmp: 3)
    #expect(try bench.send(changed(changed(syn, 9, 1), 20, 8)).isEmpty)
    Self.expect(try bench.answers(), icmp: 13)
    let silent = [
      GatewayBench.syn(to: address, sender: [198, 19, 64, 2]), GatewayBench.syn(to: [198, 19, 64, 2]),
      changed(syn, 33, 0x10), cut(syn, to: 30), changed(syn, 0, 0x65), [],
    ]
    for packet in silent {
      #expect(try bench.send(packet).isEmpty)
      #expect(try bench.answers().isEmpty && bench.gateway.connectionCount == 0)
    }
  }

  /// The plan of the moment decides, not that of the lookup; what is closed is never connected to.
  @Test func theNameLeadsInside() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(closed: ["192.0.2.0/24"], upstream: try upstream.localAddress())
    let effects = try bench.send(GatewayBench.syn(to: try bench.address("example.org")))
    let refused = refusedConnections(effects)
    guard refused.count == 1, case .closedAddress(let address, let rule) = refused[0].reason else {
      Issue.record("\(effects)")
      return
    }
    #expect(address.description == "192.0.2.1" && rule.prefix.description == "192.0.2.0/24")
    Self.expect(try bench.answers(), icmp: 13)
    #expect(try upstream.accept() == nil)
    // The control.
    bench.directory.use(GatewayBench.plan([try GatewayBench.rule("example.org")]))
    #expect(try bench.send(GatewayBench.syn(to: try bench.address("example.org"))).isEmpty)
    #expect(try bench.pass().isEmpty && bench.proceeded().count == 1)
    #expect(try upstream.accept() != nil)
  }

  /// No rule opens an address that stands for another.
  @Test(arguments: ["::ffff:192.0.2.1", "::192.0.2.1", "fe80::1"])
  func ambiguous(_ address: String) throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(upstream: try upstream.localAddress())
    try bench.resolve("example.org", [address])
    let effects = try bench.send(GatewayBench.syn(to: try bench.address("example.org")))
    #expect(refusedConnections(effects).count == 1)
    Self.expect(try bench.answers(), icmp: 13)
    #expect(try upstream.accept() == nil)
  }

  @Test func whereItLeadsIsLookedUp() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(upstream: try upstream.localAddress())
    let name = try #require(DomainName("example.org"))
    bench.directory.keep([], of: name, until: bench.now)
    let address = try bench.address("example.org")
    guard case .nameWanted(name)? = try bench.send(GatewayBench.syn(to: address)).first else {
      Issue.record("nobody is asked")
      return
    }
    // Once for all that wait.
    #expect(try bench.send(GatewayBench.syn(to: address, from: 40_001)).isEmpty)
    let addresses = [try #require(IPAddress("192.0.2.1"))]
    #expect(bench.gateway.found(name, .addresses(addresses), now: bench.now).isEmpty)
    #expect(try bench.pass().isEmpty && bench.proceeded().count == 2)
    for result in [NameResult.doesNotExist, .failed, .addresses([])] {
      #expect(try bench.send(GatewayBench.syn(to: address, from: 40_002)).count == 1)
      #expect(bench.gateway.found(name, result, now: bench.now).isEmpty)
      Self.expect(try bench.answers(), icmp: 1)
    }
  }

  /// Its ports belong to another connection by now.
  @Test func anotherHandshakeWithTheSamePorts() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(upstream: try upstream.localAddress())
    let address = try bench.address("example.org")
    for sequence in UInt8(1)...3 {
      #expect(
        try bench.send(GatewayBench.syn(to: address, sequence: sequence)).isEmpty && bench.pass().isEmpty)
    }
    let closed = bench.orders.filter { if case .close = $0 { true } else { false } }
    #expect(closed == [.close(id: 1), .close(id: 2)])
    // An open one ends by itself.
    #expect(bench.gateway.reported(.accepted(id: 3)).isEmpty)
    #expect(try bench.send(GatewayBench.syn(to: address, sequence: 4)).isEmpty && bench.pass().isEmpty)
    #expect(bench.orders.filter { if case .close = $0 { true } else { false } }.count == 2)
    #expect(try bench.proceeded().count == 4)
  }

  /// TCP asks again; whoever does not has given up.
  @Test func abandoned() throws {
    let bench = try Self.bench(upstream: try Self.nobody())
    let name = try #require(DomainName("example.org"))
    bench.directory.keep([], of: name, until: bench.now)
    let syn = GatewayBench.syn(to: try bench.address("example.org"))
    #expect(try bench.send(syn).count == 1)
    #expect(try bench.pass(2999).isEmpty && bench.gateway.connectionCount == 1)
    #expect(try bench.send(syn).isEmpty)
    #expect(try bench.pass(5998).isEmpty && bench.gateway.connectionCount == 1)
    #expect(try bench.pass(1).isEmpty && bench.gateway.connectionCount == 0)
    #expect(try bench.answers().isEmpty)
    #expect(bench.gateway.found(name, .failed, now: bench.now).isEmpty)
    #expect(try bench.answers().isEmpty)
  }

  @Test func bounds() throws {
    let upstream = try Self.listener()
    let names = ["example.org", "other.example", "third.example"]
    let bench = try Self.bench(names, upstream: try upstream.localAddress())
    for (name, held) in zip(names, [128, 256, 256]) {
      bench.directory.keep([], of: try #require(DomainName(name)), until: bench.now)
      let address = try bench.address(name)
      for source in 0..<150 {
        _ = try bench.send(GatewayBench.syn(to: address, from: 1 + UInt16(source)))
      }
      // More are not held, and not answered; but other names have room.
      #expect(bench.gateway.connectionCount == held)
    }
    #expect(try bench.answers().isEmpty)
    #expect(try bench.pass(3000).isEmpty && bench.gateway.connectionCount == 0)
    #expect(try bench.answers().isEmpty)
  }

  /// What the relay says that it can have is the bound.
  @Test func connections() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(capacity: 2, upstream: try upstream.localAddress())
    let address = try bench.address("example.org")
    for source in UInt16(1)...2 {
      #expect(try bench.send(GatewayBench.syn(to: address, from: source)).isEmpty && bench.pass().isEmpty)
    }
    #expect(try bench.proceeded().count == 2 && bench.answers().isEmpty)
    let refused = refusedConnections(try bench.send(GatewayBench.syn(to: address, from: 3)))
    #expect(refused.map(\.reason) == [.tooManyConnections])
    Self.expect(try bench.answers(), icmp: 13)
    #expect(bench.gateway.reported(.closed(id: 1)).isEmpty)
    #expect(try bench.send(GatewayBench.syn(to: address, from: 3)).isEmpty && bench.pass().isEmpty)
    #expect(try bench.proceeded().count == 1)
  }

  @Test func ports() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(upstream: try upstream.localAddress())
    let address = try bench.address("example.org")
    for port in 0..<64 {
      #expect(try bench.send(GatewayBench.syn(to: address, port: 1000 + UInt16(port))).isEmpty)
      #expect(try bench.pass().isEmpty)
    }
    #expect(try bench.proceeded().count == 64 && bench.answers().isEmpty)
    let refused = refusedConnections(try bench.send(GatewayBench.syn(to: address, port: 1064)))
    #expect(refused.map(\.reason) == [.tooManyPorts])
    Self.expect(try bench.answers(), icmp: 13)
    #expect(
      try bench.send(GatewayBench.syn(to: address, port: 1000, from: 2)).isEmpty && bench.pass().isEmpty)
    #expect(try bench.proceeded().count == 1)
  }

  /// What the relay cannot be told does not begin; what it cannot be told to end takes the names away.
  @Test func relayIsStuck() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(upstream: try upstream.localAddress())
    let address = try bench.address("example.org")
    #expect(try bench.send(GatewayBench.syn(to: address)).isEmpty && bench.pass().isEmpty)
    _ = try bench.proceeded()
    try bench.breakRelay()
    var effects = try bench.send(GatewayBench.syn(to: address, from: 2))
    effects += try bench.pass()
    let refused = refusedConnections(effects)
    guard refused.count == 1, case .failure = refused[0].reason else {
      Issue.record("\(effects)")
      return
    }
    Self.expect(try bench.answers(), icmp: 1)
    #expect(try bench.proceeded().isEmpty && bench.gateway.connectionCount == 1)
    #expect(try bench.use(GatewayBench.plan([])).isEmpty)
    #expect(try bench.pass(9999).isEmpty)
    guard case .namesCut? = try bench.pass(1).first else {
      Issue.record("the connection goes on")
      return
    }
  }

  @Test func spoken() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(upstream: try upstream.localAddress())
    #expect(try bench.send(GatewayBench.syn(to: try bench.address("example.org"))).isEmpty)
    #expect(try bench.pass().isEmpty)
    #expect(bench.gateway.reported(.accepted(id: 1)).isEmpty)
    let long = String(repeating: "x", count: 300)
    let refused = refusedConnections(bench.gateway.reported(.refused(id: 1, .otherServerName, name: long)))
    #expect(refused.map(\.reason) == [.spoken(.otherServerName, String(long.prefix(253)))])
    #expect(bench.gateway.connectionCount == 0)
    // Of what it was not told it has nothing to say.
    for report in [RelayReport.accepted(id: 9), .closed(id: 9), .refused(id: 9, .tunnel, name: "")] {
      #expect(bench.gateway.reported(report).isEmpty)
    }
  }

  /// A rule that goes takes its connections with it, held or open; the others stay.
  @Test func planChanges() throws {
    let upstream = try Self.listener()
    let bench = try Self.bench(["example.org", "example.net"], upstream: try upstream.localAddress())
    for (source, name) in [(UInt16(1), "example.org"), (2, "example.net")] {
      #expect(try bench.send(GatewayBench.syn(to: try bench.address(name), from: source)).isEmpty)
      #expect(try bench.pass().isEmpty)
      #expect(bench.gateway.reported(.accepted(id: UInt64(source))).isEmpty)
    }
    bench.directory.keep([], of: try #require(DomainName("example.org")), until: bench.now)
    #expect(try bench.send(GatewayBench.syn(to: try bench.address("example.org"), from: 3)).count == 1)
    _ = try bench.answers()
    let refused = refusedConnections(
      try bench.use(GatewayBench.plan([try GatewayBench.rule("example.net")])))
    #expect(refused.map(\.reason) == [.notAllowed(nil)])
    Self.expect(try bench.answers(), icmp: 13)
    #expect(bench.orders.last == .close(id: 1) && bench.gateway.connectionCount == 2)
    // Told once.
    let count = bench.orders.count
    #expect(try bench.use(bench.directory.plan).isEmpty && bench.orders.count == count)
    // An address that is closed is left, too.
    let plan = GatewayBench.plan([try GatewayBench.rule("example.net")], closed: ["192.0.2.1/32"])
    #expect(try bench.use(plan).isEmpty && bench.orders.last == .close(id: 2))
    // They are over when the relay says so, and it has to.
    for id in UInt64(1)...2 { #expect(bench.gateway.reported(.closed(id: id)).isEmpty) }
    #expect(try bench.pass(60_000).isEmpty && bench.gateway.connectionCount == 0)
  }

  /// What is refused costs more than what is not; both are read no faster than that.
  @Test func flood() throws {
    let bench = try Self.bench(upstream: try Self.nobody())
    let syn = GatewayBench.syn(to: [198, 19, 127, 1])
    var told = 0
    while bench.gateway.deadline == nil, told < 1000 { told += try bench.send(syn).count }
    #expect((150...200).contains(told))
    #expect(bench.gateway.interests.isEmpty)
    #expect(try bench.pass(50).isEmpty && bench.gateway.deadline != nil)
    _ = try bench.answers()
    _ = try bench.pass(100)
    #expect(bench.gateway.deadline == nil && bench.gateway.interests.count == 1)
  }
}
