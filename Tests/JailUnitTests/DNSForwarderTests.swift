import Linux
import Policy
import Testing

@testable import Jail

/// Over UDP.
@Suite struct DNSForwarderTests {
  private let plain = query("www.example.com", edns: true)
  private let servfail = answer(query("www.example.com"), code: 2)

  @Test(arguments: ["127.0.0.2", "::1"])
  func forwards(_ address: String) throws {
    let bench = try Bench([address])
    let expected = answer(plain, record: record(1))
    #expect(try bench.client(.datagram).ask(plain) == expected)
    // All but the ID as it was sent.
    #expect(bench.resolvers[0].datagrams.map { $0[2...] } == [plain[2...]])
    #expect(bench.forwarder.deadline == nil)
    #expect(bench.forwarder.interests.count == 2)
  }

  /// Some descriptors are left, for what follows host and configuration.
  @Test(arguments: [0, 64, 100, 150, 256, 512, 1024, 1 << 20])
  func fewDescriptors(_ descriptors: Int) {
    let limits = DNSForwarder.limits(descriptors: descriptors)
    #expect((1...DNSForwarder.mostExchanges).contains(limits.exchanges))
    #expect((1...DNSForwarder.mostConnections).contains(limits.connections))
    #expect((1...DNSForwarder.mostLookups).contains(limits.lookups))
    if descriptors >= 100 {
      let most = 4 * limits.exchanges + 2 * limits.connections + 6 * limits.lookups
      #expect(most <= descriptors - 64)
    }
    if descriptors >= 1024 {
      #expect(limits.exchanges == DNSForwarder.mostExchanges)
      #expect(limits.connections == DNSForwarder.mostConnections)
      #expect(limits.lookups == DNSForwarder.mostLookups)
    }
  }

  /// From its own port and under its own ID, even if the client always uses the same.
  @Test func unpredictable() throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.datagram)
    for _ in 0..<64 { #expect(try client.ask(plain)?.prefix(2) == plain.prefix(2)) }
    #expect(Set(bench.resolvers[0].datagrams.map { $0[..<2] }).count > 56)
    #expect(Set(bench.resolvers[0].senders.map(\.port)).count > 32)
  }

  @Test func largeAndTruncatedAnswers() throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.datagram)
    let large = [UInt8](repeating: 0x5a, count: 60_000)
    bench.resolvers[0].reply = { answer($0, record: large) }
    #expect(try client.ask(plain) == answer(plain, record: large))
    bench.resolvers[0].reply = { changed(answer($0), 2, 0x83) }
    #expect(try client.ask(plain) == changed(answer(plain), 2, 0x83))
  }

  @Test func deadFirst() throws {
    let bench = try Bench(["127.0.0.2", "127.0.0.3"])
    bench.resolvers[0].reply = { _ in nil }
    let client = try bench.client(.datagram)
    #expect(try client.ask(plain) == nil)
    #expect(bench.forwarder.deadline == bench.now + .milliseconds(1500))
    try bench.pass(1499)
    #expect(bench.resolvers[1].datagrams.isEmpty)
    try bench.pass(1)
    #expect(try client.datagram() == answer(plain, record: record(1)))
    // From then on the one that answered is asked first.
    #expect(try client.ask(plain) == answer(plain, record: record(1)))
    #expect(bench.resolvers[0].datagrams.count == 1)
  }

  @Test func slowResolver() throws {
    let bench = try Bench(["127.0.0.2", "127.0.0.3"])
    bench.resolvers[0].reply = { _ in nil }
    bench.resolvers[1].reply = { _ in nil }
    let client = try bench.client(.datagram)
    #expect(try client.ask(plain) == nil)
    try bench.pass(1500)
    // The second is asked now, and the first answers.
    #expect(bench.resolvers[1].datagrams.count == 1)
    let late = answer(bench.resolvers[0].datagrams[0], record: record(7))
    try bench.resolvers[0].send(late, to: bench.resolvers[0].senders[0])
    #expect(try client.datagram() == answer(plain, record: record(7)))
  }

  @Test func refusedFirst() throws {
    let bench = try Bench(["127.0.0.9", "127.0.0.2"], absent: ["127.0.0.9"])
    #expect(try bench.client(.datagram).ask(plain) == answer(plain, record: record(1)))
  }

  @Test(arguments: [2, 4, 5] as [UInt8])
  func failureFirst(_ code: UInt8) throws {
    let bench = try Bench(["127.0.0.2", "127.0.0.3"])
    bench.resolvers[0].reply = { answer($0, code: code) }
    let client = try bench.client(.datagram)
    #expect(try client.ask(plain) == answer(plain, record: record(1)))
    // Two failures: the first one is what the client gets, with all that is in it.
    bench.forwarder.use(Bench.list(["127.0.0.2", "127.0.0.3"]))
    bench.resolvers[0].reply = { answer($0, code: code, record: record(9)) }
    bench.resolvers[1].reply = { answer($0, code: code, record: record(8)) }
    #expect(try client.ask(plain) == answer(plain, code: code, record: record(8)))
  }

  /// NXDOMAIN is an answer; so is FORMERR, after which a client leaves EDNS out.
  @Test(arguments: [1, 3] as [UInt8])
  func noFailure(_ code: UInt8) throws {
    let bench = try Bench(["127.0.0.2", "127.0.0.3"])
    bench.resolvers[0].reply = { answer($0, code: code) }
    #expect(try bench.client(.datagram).ask(plain) == answer(plain, code: code))
    #expect(bench.resolvers[1].datagrams.isEmpty)
  }

  /// A failure does not wait for a resolver that is overdue already.
  @Test func failureBehindDead() throws {
    let bench = try Bench(["127.0.0.2", "127.0.0.3"])
    bench.resolvers[0].reply = { _ in nil }
    bench.resolvers[1].reply = { answer($0, code: 2) }
    let client = try bench.client(.datagram)
    #expect(try client.ask(plain) == nil)
    try bench.pass(1500)
    #expect(try client.datagram() == answer(plain, code: 2))
  }

  /// A lost datagram is sent again; after three times 1.5 s the program gets SERVFAIL.
  @Test func allDead() throws {
    let bench = try Bench(["127.0.0.2"])
    bench.resolvers[0].reply = { _ in nil }
    let client = try bench.client(.datagram)
    #expect(try client.ask(plain) == nil)
    try bench.pass(1500)
    try bench.pass(1500)
    #expect(bench.resolvers[0].datagrams.count == 3)
    #expect(try client.datagram() == nil)
    try bench.pass(1500)
    #expect(try client.datagram() == servfail)
    #expect(bench.resolvers[0].datagrams.count == 3)
    #expect(bench.forwarder.deadline == nil)
  }

  @Test func allRefused() throws {
    let bench = try Bench(["127.0.0.8", "127.0.0.9"], absent: ["127.0.0.8", "127.0.0.9"])
    #expect(try bench.client(.datagram).ask(plain) == servfail)
  }

  @Test func noResolvers() throws {
    let bench = try Bench([])
    #expect(try bench.client(.datagram).ask(plain) == servfail)
  }

  /// A zone that names no link: no way to that resolver.
  @Test func missingLink() throws {
    let bench = try Bench(["127.0.0.2"])
    var resolvers = Bench.list(["fe80::1", "127.0.0.2"])
    resolvers[0].link = "no-such-link"
    bench.forwarder.use(resolvers)
    #expect(try bench.client(.datagram).ask(plain) == answer(plain, record: record(1)))
  }

  @Test func followsConfiguration() throws {
    let bench = try Bench(["127.0.0.2", "127.0.0.3"])
    bench.forwarder.use(Bench.list(["127.0.0.3"]))
    #expect(try bench.client(.datagram).ask(plain) != nil)
    #expect(bench.resolvers.map(\.datagrams.count) == [0, 1])
    // The new order counts, not what was learnt under another.
    bench.forwarder.use(Bench.list(["127.0.0.2", "127.0.0.3"]))
    #expect(try bench.client(.datagram).ask(plain) != nil)
    #expect(bench.resolvers.map(\.datagrams.count) == [1, 1])
  }

  @Test func foreignAnswersAreIgnored() throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.datagram)
    for wrong in [
      { changed(answer($0), 0, $0[0] ^ 1) }, { changed(answer($0), 13, 0x78) }, { $0 }, { _ in [] },
    ] as [([UInt8]) -> [UInt8]] {
      bench.resolvers[0].reply = wrong
      #expect(try client.ask(plain) == nil)
    }
    // Somebody else than the resolver does not get through to the socket.
    let stranger = try FakeResolver(try #require(SocketAddress([127, 0, 0, 4], port: 0)))
    try stranger.send(answer(bench.resolvers[0].datagrams[3]), to: bench.resolvers[0].senders[3])
    #expect(try client.datagram() == nil)
    try bench.resolvers[0].send(answer(bench.resolvers[0].datagrams[3]), to: bench.resolvers[0].senders[3])
    #expect(try client.datagram() == answer(plain))
  }

  @Test func rejected() throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.datagram)
    let update = changed(plain, 2, 5 << 3)
    #expect(try client.ask(update) == [0xbe, 0xef, 0xa8, 0x84, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(try client.ask(changed(plain, 5, 2))?[3] == 0x81)
    #expect(try client.ask(query("corp.example", type: 252))?[3] == 0x85)
    #expect(bench.resolvers[0].datagrams.isEmpty)
  }

  @Test func garbage() throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.datagram)
    for round in 0..<1000 {
      var bytes = (0..<Int.random(in: 0...600)).map { _ in UInt8.random(in: 0...255) }
      // Not one that happens to be a question.
      if bytes.count > 2 { bytes[2] |= 0x08 }
      try client.send(bytes)
      if round % 50 == 0 { try bench.pass() }
    }
    try client.send(plain + [UInt8](repeating: 0, count: 50_000))
    try bench.pass()
    #expect(bench.resolvers[0].datagrams.isEmpty)
    #expect(bench.forwarder.deadline == nil)
    #expect(try bench.client(.datagram).ask(plain) == answer(plain, record: record(1)))
  }

  /// What is above the bound waits in the kernel; nobody is refused for it.
  @Test func bound() throws {
    let bench = try Bench(["127.0.0.2"])
    bench.resolvers[0].reply = { _ in nil }
    let client = try bench.client(.datagram)
    for range in [0..<100, 100..<150] {
      for index in range { try client.send(query("n\(index).example", id: UInt16(index))) }
      try bench.pass()
    }
    #expect(bench.resolvers[0].datagrams.count == 128)
    #expect(bench.forwarder.interests.count == 128 + 1)
    #expect(bench.forwarder.deadline == bench.now + .milliseconds(1500))
    let waiting = zip(bench.resolvers[0].datagrams, bench.resolvers[0].senders).map { ($0, $1) }
    bench.resolvers[0].reply = { answer($0, record: record(1)) }
    for (message, sender) in waiting { try bench.resolvers[0].send(answer(message), to: sender) }
    var answered: Set<ArraySlice<UInt8>> = []
    while let message = try client.datagram() {
      #expect(message[3] == 0x80)
      answered.insert(message[..<2])
    }
    #expect(answered.count == 150)
  }

  /// An event of an exchange that is over concerns no other, whatever descriptor that has.
  @Test func eventsOfThePast() throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.datagram)
    bench.resolvers[0].reply = { _ in nil }
    func start(_ id: UInt16) throws -> DNSForwarder.Event {
      try client.send(query("www.example.com", id: id))
      try bench.pass()
      return try #require(bench.forwarder.interests.first).event
    }
    func answerLatest() throws {
      let (message, sender) = try #require(
        zip(bench.resolvers[0].datagrams, bench.resolvers[0].senders).map { ($0, $1) }.last)
      try bench.resolvers[0].send(answer(message), to: sender)
    }
    let first = try start(1)
    try answerLatest()
    #expect(try client.datagram() == answer(query("www.example.com", id: 1)))
    let second = try start(2)
    #expect(first != second)
    try answerLatest()
    #expect(bench.forwarder.handle(first, now: bench.now).isEmpty)
    #expect(bench.forwarder.interests.count == 3)
    #expect(bench.forwarder.handle(second, now: bench.now).isEmpty)
    #expect(bench.forwarder.interests.count == 2)
  }

  /// Names that nobody answers do not keep the others waiting for longer than one time-out.
  @Test func room() throws {
    let bench = try Bench(["127.0.0.2"])
    bench.resolvers[0].reply = { $0[12] == 1 ? nil : answer($0) }
    let client = try bench.client(.datagram)
    for index in 0..<128 { try client.send(query("d.example", id: UInt16(index))) }
    try bench.pass()
    let other = try bench.client(.datagram)
    #expect(try other.ask(plain) == nil)
    try bench.pass(1500)
    #expect(try other.datagram() == answer(plain))
    #expect(try client.datagram() == answer(query("d.example", id: 0), code: 2))
  }
}
