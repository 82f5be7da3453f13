import Linux
import Testing

@testable import Jail

/// Over TCP.
@Suite struct DNSConnectionTests {
  private let plain = query("www.example.com", edns: true)
  private let servfail = answer(query("www.example.com"), code: 2)

  @Test(arguments: ["127.0.0.2", "::1"])
  func forwards(_ address: String) throws {
    let bench = try Bench([address])
    let client = try bench.client(.stream)
    #expect(try client.askFramed(plain) == answer(plain, record: record(1)))
    #expect(bench.resolvers[0].streamed == [plain])
    // The same connection again, and the same when each byte travels alone.
    for byte in framed(plain) {
      try client.send([byte])
      try bench.turn()
    }
    #expect(try client.message() == answer(plain, record: record(1)))
  }

  /// Answers in the order of the queries, also to a client that has closed its sending half; then the end.
  @Test func pipelining() throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.stream)
    let queries = (0..<20).map { query("n\($0).example", id: UInt16($0)) }
    try client.send(queries.flatMap(framed))
    try client.socket.finishSending()
    for query in queries { #expect(try client.message() == answer(query, record: record(1))) }
    #expect(try client.isClosed())
    #expect(bench.forwarder.deadline == nil)
  }

  /// The longest message, to a client that reads it late: a part of it waits, nothing is lost.
  @Test func longestAnswer() throws {
    let bench = try Bench(["127.0.0.2"])
    let large = (0..<65_535 - plain.count).map { UInt8(truncatingIfNeeded: $0 / 7) }
    bench.resolvers[0].reply = { answer($0, record: large) }
    let client = try bench.client(.stream)
    for _ in 0..<40 { try client.send(framed(plain)) }
    try bench.pass()
    for _ in 0..<40 { #expect(try client.message() == answer(plain, record: large)) }
  }

  @Test func rejected() throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.stream)
    #expect(
      try client.askFramed(changed(plain, 2, 5 << 3)) == [0xbe, 0xef, 0xa8, 0x84, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(try client.askFramed(query("corp.example", type: 252))?[3] == 0x85)
    // It may go on asking.
    #expect(try client.askFramed(plain) == answer(plain, record: record(1)))
    #expect(bench.resolvers[0].streamed == [plain])
  }

  @Test(arguments: [
    framed([]), framed([UInt8](repeating: 0, count: 11)), framed(answer(query("a.example"))), [0x10, 0x01],
    [0xff, 0xff],
  ])
  func garbage(_ bytes: [UInt8]) throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.stream)
    try client.send(bytes)
    #expect(try client.isClosed())
    #expect(bench.resolvers[0].streamed.isEmpty)
    #expect(bench.forwarder.interests.count == 2)
  }

  @Test func failover() throws {
    let bench = try Bench(["127.0.0.9", "127.0.0.2", "127.0.0.3"], absent: ["127.0.0.9"])
    bench.resolvers[0].hangsUp = true
    let client = try bench.client(.stream)
    #expect(try client.askFramed(plain) == answer(plain, record: record(1)))
    #expect(bench.resolvers[1].streamed.count == 1)
    // The one that answered comes first, for UDP too.
    #expect(try bench.client(.datagram).ask(plain) != nil)
    #expect(bench.resolvers.map(\.datagrams.count) == [0, 1])
  }

  @Test func silentResolver() throws {
    let bench = try Bench(["127.0.0.2", "127.0.0.3"])
    bench.resolvers[0].reply = { _ in nil }
    let client = try bench.client(.stream)
    #expect(try client.askFramed(plain) == nil)
    try bench.pass(2999)
    #expect(bench.resolvers[1].streamed.isEmpty)
    try bench.pass(1)
    #expect(try client.message() == answer(plain, record: record(1)))
  }

  @Test func allRefused() throws {
    let bench = try Bench(["127.0.0.8", "127.0.0.9"], absent: ["127.0.0.8", "127.0.0.9"])
    let client = try bench.client(.stream)
    #expect(try client.askFramed(plain) == servfail)
    #expect(try client.askFramed(plain) == servfail)
  }

  @Test func noResolvers() throws {
    #expect(try Bench([]).client(.stream).askFramed(plain) == servfail)
  }

  /// Idle, or stuck in the middle of a query.
  @Test(arguments: [[], [0], framed(query("a.example")).dropLast()] as [[UInt8]])
  func idle(_ bytes: [UInt8]) throws {
    let bench = try Bench(["127.0.0.2"])
    let client = try bench.client(.stream)
    if !bytes.isEmpty { try client.send(bytes) }
    try bench.pass(9999)
    #expect(try !client.isClosed())
    #expect(bench.forwarder.interests.count == 3)
    try bench.pass(10_000)
    #expect(try client.isClosed())
    #expect(bench.forwarder.interests.count == 2)
  }

  @Test func bound() throws {
    let bench = try Bench(["127.0.0.2"])
    var clients = try (0..<40).map { _ in try bench.client(.stream) }
    try bench.pass()
    // 32 connections and the UDP socket: nobody waits for the listener.
    #expect(bench.forwarder.interests.count == 33)
    #expect(try clients[39].askFramed(plain) == nil)
    // Who waited is served once others have gone.
    clients.removeFirst(10)
    #expect(try clients[29].message() == answer(plain, record: record(1)))
  }

  /// A client that goes away while its query is out.
  @Test func clientGoes() throws {
    let bench = try Bench(["127.0.0.2"])
    try bench.client(.stream).send(framed(plain))
    try bench.pass()
    #expect(bench.resolvers[0].streamed.count == 1)
    #expect(bench.forwarder.interests.count == 2)
  }
}
