import Glibc
import Linux
import Policy
import Testing

@testable import Jail

/// What the relay does with connections, in a loop that the test turns.
@Suite struct RelayTests {
  /// Bytes of which no two pieces are alike.
  static func bytes(_ count: Int, seed: UInt32) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return UInt8(state >> 24)
    }
  }

  @Test func whatIsSaidArrivesAsItWas() throws {
    let bench = try RelayBench()
    let pair = try bench.connected()
    let (sent, answered) = (Self.bytes(3_000_000, seed: 1), Self.bytes(2_000_000, seed: 2))
    var (toServer, toProgram) = (sent[...], answered[...])
    try bench.until(.seconds(60)) {
      try pair.program.say(from: &toServer)
      try pair.server.say(from: &toProgram)
      // Both read slowly, so that the relay has to keep what they do not take.
      try pair.server.hear(atMost: 300_000)
      try pair.program.hear(atMost: 200_000)
      return pair.server.received.count == sent.count && pair.program.received.count == answered.count
    }
    #expect(pair.server.received == sent)
    #expect(pair.program.received == answered)
    #expect(bench.reports == [.ready(capacity: 100), .accepted(id: pair.id)])
  }

  /// Who does not read keeps the other from sending; what it has not read it gets in the end.
  @Test func aSlowReaderHoldsTheSenderBack() throws {
    let bench = try RelayBench()
    let pair = try bench.connected()
    let sent = Self.bytes(4_000_000, seed: 3)
    var rest = sent[...]
    for _ in 0..<200 {
      try pair.server.say(from: &rest)
      try bench.turn(1)
    }
    #expect(rest.count > 1_000_000)
    // The other way is not held up by that.
    try pair.program.say("(go on)".utf8)
    try bench.until { try pair.server.hears("(go on)") }
    try bench.until(.seconds(60)) {
      try pair.server.say(from: &rest)
      try pair.program.hear()
      return pair.program.received.count == sent.count
    }
    #expect(pair.program.received == sent)
  }

  /// However many there are.
  @Test func slowReadersAreNotKeptMuchFor() throws {
    let bench = try RelayBench(comfort: 100_000)
    let pairs = try (0..<20).map { _ in try bench.connected() }
    let sent = Self.bytes(600_000, seed: 6)
    var rests = pairs.map { _ in sent[...] }
    for _ in 0..<100 {
      for (index, pair) in pairs.enumerated() { try pair.server.say(from: &rests[index]) }
      try bench.turn(1)
    }
    #expect(bench.relay.keptCount > 100_000)
    #expect(bench.relay.keptCount <= 100_000 + Relay.pieceLength + 20 * Relay.shortPieceLength)
    try bench.until(.seconds(60)) {
      for (index, pair) in pairs.enumerated() {
        try pair.server.say(from: &rests[index])
        try pair.program.hear()
      }
      return pairs.allSatisfy { $0.program.received.count == sent.count }
    }
    #expect(pairs.allSatisfy { $0.program.received == sent })
    #expect(bench.relay.keptCount == 0)
  }

  enum First: CaseIterable { case program, server }

  @Test(arguments: First.allCases) func oneSideMayEndBeforeTheOther(_ first: First) throws {
    let bench = try RelayBench()
    let pair = try bench.connected()
    let (one, other) = first == .program ? (pair.program, pair.server) : (pair.server, pair.program)
    try one.say("(last words)".utf8)
    try one.socket.finishSending()
    try bench.until {
      try other.hear()
      return other.hasEnded
    }
    #expect(other.received == Array("(last words)".utf8))
    try other.say("not yet".utf8)
    try bench.until { try one.hears("not yet") }
    #expect(!bench.reports.contains(.closed(id: pair.id)))
    try other.say(", now".utf8)
    try other.socket.finishSending()
    try bench.until { bench.reports.contains(.closed(id: pair.id)) }
    try bench.until {
      try one.hear()
      return one.hasEnded
    }
    #expect(one.received == Array("not yet, now".utf8))
  }

  @Test(arguments: First.allCases) func aResetIsOneForTheOther(_ first: First) throws {
    let bench = try RelayBench()
    let pair = try bench.connected()
    try pair.program.say("(hello)".utf8)
    try bench.until { try pair.server.hears("(hello)") }
    let (one, other) = first == .program ? (pair.program, pair.server) : (pair.server, pair.program)
    try one.breakOff()
    try bench.until { bench.reports.contains(.closed(id: pair.id)) }
    #expect(other.failure() == Errno.ECONNRESET)
  }

  /// Also when nothing is read from the one that breaks off, since the other does not take it.
  @Test func aResetIsSeenBehindWhatIsKept() throws {
    let bench = try RelayBench()
    let pair = try bench.connected()
    var rest = Self.bytes(4_000_000, seed: 4)[...]
    for _ in 0..<200 {
      try pair.server.say(from: &rest)
      try bench.turn(1)
    }
    try pair.server.breakOff()
    try bench.until { bench.reports.contains(.closed(id: pair.id)) }
  }

  /// Both have said all, and one of them reads nothing: nothing is there to be done, and the loop waits.
  @Test func whoHungUpIsNotWaitedForAgainAndAgain() throws {
    let bench = try RelayBench()
    let pair = try bench.connected()
    try pair.program.socket.finishSending()
    try bench.until {
      try pair.server.hear()
      return pair.server.hasEnded
    }
    var rest = Self.bytes(4_000_000, seed: 5)[...]
    for _ in 0..<200 {
      try pair.server.say(from: &rest)
      try bench.turn(1)
    }
    try pair.server.socket.finishSending()
    try bench.turn(50)
    let before = Instant.now
    for _ in 0..<5 { try bench.turn(20) }
    #expect(Instant.now.milliseconds(since: before) >= 80)
  }

  /// Urgent data is not passed on, and does not keep the loop busy (tcp(7)).
  @Test func urgentDataIsLeftOut() throws {
    let bench = try RelayBench()
    let pair = try bench.connected()
    // SAFETY: one byte.
    #expect(unsafe send(pair.program.socket.descriptor.rawValue, [7], 1, CInt(MSG_OOB)) == 1)
    let before = Instant.now
    for _ in 0..<5 { try bench.turn(20) }
    #expect(Instant.now.milliseconds(since: before) >= 80)
    try pair.program.say("(hello)".utf8)
    try bench.until { try pair.server.hears("(hello)") }
  }

  @Test func theOrderMayComeAfterTheConnection() throws {
    let bench = try RelayBench()
    // Both are there before the relay has looked at either.
    let pairs = try (0..<20).map { _ in try bench.pair() }
    for pair in pairs { try bench.connect(pair) }
    for pair in pairs { try bench.announce(pair) }
    try bench.until { pairs.allSatisfy { bench.reports.contains(.accepted(id: $0.id)) } }
    for pair in pairs {
      try pair.program.say("(\(pair.id))".utf8)
      try bench.until { try pair.server.hears("(\(pair.id))") }
    }
  }

  @Test func whoWasNotAnnouncedIsReset() throws {
    let bench = try RelayBench()
    try bench.turn()
    let pair = try bench.pair()
    try bench.connect(pair)
    try bench.until { pair.program.failure() == Errno.ECONNRESET }
    #expect(bench.reports == [.ready(capacity: 100)])
  }

  /// The port of a connection that never came may come again.
  @Test func aFlowThatIsAnnouncedAnewIsTheLaterOne() throws {
    let bench = try RelayBench()
    let pair = try bench.pair()
    let other = try bench.pair()
    try bench.announce(pair)
    try bench.order(
      .connect(id: 77, pair.flow, names: []), other.upstream.take())
    try bench.until { bench.reports.contains(.closed(id: pair.id)) }
    try bench.connect(pair)
    try bench.until { bench.reports.contains(.accepted(id: 77)) }
    try pair.program.say("(you)".utf8)
    try bench.until { try other.server.hears("(you)") }
    #expect(pair.server.failure() == nil)
  }

  @Test func aConnectionIsClosedWhenThatIsOrdered() throws {
    let bench = try RelayBench()
    let pair = try bench.connected()
    let coming = try bench.pair()
    try bench.announce(coming)
    for id in [pair.id, coming.id, 4711] {
      #expect(try bench.supervisor.sendAtOnce(RelayOrder.close(id: id).bytes))
    }
    try bench.until { bench.reports.contains(.closed(id: coming.id)) }
    #expect(bench.reports.contains(.closed(id: pair.id)))
    #expect(!bench.reports.contains(.closed(id: 4711)))
    #expect(pair.program.failure() == Errno.ECONNRESET)
    #expect(pair.server.failure() == Errno.ECONNRESET)
    #expect(coming.server.failure() == Errno.ECONNRESET)
  }

  private static func end(of relay: inout Relay) -> Relay.End? {
    do {
      for _ in 0..<10 { try relay.turn(until: .now + .milliseconds(100)) }
      return nil
    } catch {
      return error as? Relay.End
    }
  }

  @Test func theEndOfTheSupervisorIsTheEnd() throws {
    let pair = try DatagramPair()
    var relay = try Relay(DatagramSocket(try pair.second.descriptor.duplicate()), capacity: 1)
    _ = pair.keepSecond()
    #expect(Self.end(of: &relay) == .released)
  }

  @Test(
    arguments: [
      ([0], 0), ([1, 1, 1], 0), ([1, 1, 1], 2), (RelayOrder.close(id: 1).bytes, 1),
      (RelayCodingTests.four.map { RelayOrder.connect(id: 1, $0, names: []).bytes } ?? [], 0),
      (RelayCodingTests.four.map { RelayOrder.connect(id: 1 << 62, $0, names: []).bytes } ?? [], 1),
    ] as [([UInt8], Int)])
  func anOrderThatMakesNoSenseEndsIt(_ bytes: [UInt8], _ descriptors: Int) throws {
    let pair = try DatagramPair()
    var relay = try Relay(DatagramSocket(try pair.second.descriptor.duplicate()), capacity: 1)
    let sockets = try RelayBench.listening()
    let numbers = [CInt](repeating: sockets.descriptor.rawValue, count: descriptors)
    try pair.first.send(bytes, descriptors: numbers)
    #expect(Self.end(of: &relay) == .senseless)
  }

  @Test func moreConnectionsThanThereCanBeEndIt() throws {
    let bench = try RelayBench(capacity: 2)
    for _ in 0..<3 { try bench.announce(try bench.pair()) }
    #expect(throws: Relay.End.senseless) { try bench.turn() }
  }

  /// What is not heard is kept, but not without bound: nobody is accepted then. What is open goes on.
  @Test func aSupervisorThatDoesNotListenHoldsUpOnlyWhoComes() throws {
    let bench = try RelayBench(capacity: 4)
    let open = try bench.connected()
    bench.listens = false
    var coming: [RelayedPair] = []
    for _ in 0..<1000 where bench.relay.reports.count <= 4 {
      let pair = try bench.pair()
      try bench.announce(pair)
      try bench.connect(pair)
      try bench.turn(0)
      try pair.program.breakOff()
      for _ in 0..<3 { try bench.turn(0) }
      coming.append(pair)
    }
    #expect(bench.relay.reports.count > 4)
    for _ in 0..<20 { try bench.turn(0) }
    #expect(bench.relay.reports.count <= 12)
    // It is not at it all the time, either.
    let before = Instant.now
    for _ in 0..<5 { try bench.turn(20) }
    #expect(Instant.now.milliseconds(since: before) >= 80)
    try open.program.say("(still here)".utf8)
    try bench.until { try open.server.hears("(still here)") }
    bench.listens = true
    try bench.until { coming.allSatisfy { bench.reports.contains(.closed(id: $0.id)) } }
    let last = try bench.connected()
    try last.program.say("(again)".utf8)
    try bench.until { try last.server.hears("(again)") }
  }
}
