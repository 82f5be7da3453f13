import Inspection
import Linux
import Testing

@testable import Jail

/// What is spoken in a connection decides whether it goes on.
@Suite struct RelayInspectionTests {
  private static let names = ["www.example.com"]
  private static func request(_ host: String) -> [UInt8] {
    Array("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8)
  }

  @Test func whatIsSpokenToTheNamePasses() throws {
    let bench = try RelayBench()
    let pair = try bench.connected(Self.names)
    let request = Self.request("www.example.com")
    // However it comes.
    for byte in request {
      try pair.program.say([byte])
      try bench.turn(1)
    }
    try bench.until {
      try pair.server.hear()
      return pair.server.received == request
    }
    try pair.server.say("HTTP/1.1 204 No Content\r\n\r\n".utf8)
    try bench.until { try pair.program.hears("HTTP/1.1 204 No Content\r\n\r\n") }
    try bench.look(after: .seconds(3600))
    #expect(bench.reports == [.ready(capacity: 100), .accepted(id: pair.id)])
  }

  @Test func whatIsSpokenToAnotherIsRefused() throws {
    let bench = try RelayBench()
    let pair = try bench.connected(Self.names)
    try pair.program.say(Self.request("other.example"))
    try bench.until { bench.reports.count == 3 }
    #expect(bench.reports.last == .refused(id: pair.id, .otherHost, name: "other.example"))
    #expect(pair.server.failure() == Errno.ECONNRESET)
    #expect(pair.server.received.isEmpty)
    #expect(pair.program.failure() == Errno.ECONNRESET)
  }

  /// Also in a connection in which the name was spoken before: nothing of it arrives.
  @Test func theSecondRequestIsRefusedLikeTheFirst() throws {
    let bench = try RelayBench()
    let pair = try bench.connected(Self.names)
    let first = Self.request("www.example.com")
    try pair.program.say(first)
    try bench.until {
      try pair.server.hear()
      return pair.server.received == first
    }
    try pair.program.say(Self.request("other.example"))
    try bench.until { bench.reports.count == 3 }
    #expect(bench.reports.last == .refused(id: pair.id, .otherHost, name: "other.example"))
    #expect(pair.server.failure() == Errno.ECONNRESET)
    #expect(pair.server.received == first)
  }

  /// A little more does not give it more time.
  @Test func aBeginningThatTakesTooLongIsRefused() throws {
    let bench = try RelayBench()
    let pair = try bench.connected(Self.names)
    #expect(bench.relay.nextLook != nil)
    try bench.look(after: .seconds(1))
    try pair.program.say("GET / HT".utf8)
    try bench.turn(20)
    try bench.look(after: .seconds(9))
    #expect(bench.reports.count == 2)
    #expect(bench.relay.nextLook != nil)
    try pair.program.say("TP/1.1\r\n".utf8)
    try bench.turn(20)
    try bench.look(after: .seconds(11))
    #expect(bench.reports.last == .refused(id: pair.id, .incomplete, name: ""))
    #expect(pair.server.failure() == Errno.ECONNRESET)
    #expect(pair.program.failure() == Errno.ECONNRESET)
    try bench.look(after: .seconds(20))
    #expect(bench.relay.nextLook == nil)
  }

  @Test func aBeginningThatEndsTooEarlyIsRefused() throws {
    let bench = try RelayBench()
    let pair = try bench.connected(Self.names)
    try pair.program.say("GET / HT".utf8)
    try pair.program.socket.finishSending()
    try bench.until { bench.reports.count == 3 }
    #expect(bench.reports.last == .refused(id: pair.id, .incomplete, name: ""))
    #expect(pair.server.failure() == Errno.ECONNRESET)
    #expect(pair.server.received.isEmpty)
  }

  @Test func aBeginningThatIsTooLongIsRefused() throws {
    let bench = try RelayBench()
    let pair = try bench.connected(Self.names)
    var rest = (Array("GET /".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 70_000))[...]
    try bench.until {
      if bench.reports.count == 3 { return true }
      try pair.program.say(from: &rest)
      return false
    }
    #expect(bench.reports.last == .refused(id: pair.id, .incomplete, name: ""))
    try bench.until { pair.server.failure() == Errno.ECONNRESET }
    #expect(pair.server.received.isEmpty)
  }

  @Test func whoDoesNotComeIsNotWaitedForForEver() throws {
    let bench = try RelayBench()
    let pair = try bench.pair(Self.names)
    try bench.announce(pair)
    try bench.turn(20)
    try bench.look(after: .seconds(29))
    #expect(bench.reports == [.ready(capacity: 100)])
    try bench.look(after: .seconds(31))
    #expect(bench.reports.last == .closed(id: pair.id))
    try bench.connect(pair)
    try bench.until { pair.program.failure() == Errno.ECONNRESET }
  }
}
