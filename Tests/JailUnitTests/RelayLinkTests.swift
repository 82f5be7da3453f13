import Linux
import Testing

@testable import Jail

/// The supervisor's end, with a stand-in for the relay.
@Suite struct RelayLinkTests {
  /// A process that does nothing, as far as it is asked to.
  private static func link(_ relay: (borrowing DatagramSocket) throws -> Void) throws -> RelayLink {
    let pair = try DatagramPair()
    let process = try Process.fork()
    if process == 0 {
      try? relay(pair.second)
      _ = try? wait([Interest.exceptional(pair.second.descriptor.rawValue, ())], until: .now + .seconds(60))
      Process.exit(7)
    }
    return RelayLink(
      process: process, end: try Process.descriptor(of: process), socket: pair.keepFirst())
  }

  private static func turn(
    _ link: inout RelayLink, within limit: Duration = .seconds(20)
  ) throws -> [String] {
    let (ready, now) = try wait(link.interests, until: .now + limit)
    return ready.flatMap { link.handle($0, now: now) }.map { "\($0)" }
  }

  private static let reports: [RelayReport] = [.ready(capacity: 9), .accepted(id: 1), .closed(id: 1)]

  @Test func reportsAreEffects() async {
    await #expect(processExitsWith: .success) {
      var link = try Self.link { socket in for report in Self.reports { try socket.send(report.bytes) } }
      var effects: [String] = []
      while effects.count < 3 { effects += try Self.turn(&link) }
      #expect(effects == Self.reports.map { "\(Effect.relay($0))" })
      link.kill()
      effects = []
      for _ in 0..<20 where effects.isEmpty { effects = try Self.turn(&link) }
      #expect(effects == ["relayEnded"])
      #expect(try Process.wait(link.process)?.status.terminationSignal == Signals.kill)
      // It is said once, and nobody else can be meant by it any more.
      let more = link.handle(.end, now: .now).count
      #expect(more == 0)
      link.kill()
    }
  }

  /// What cannot be a report ends the relay, which somebody else may be by now; what came before it counts.
  @Test(arguments: [[9], []] as [[UInt8]])
  func aSenselessReportEndsIt(_ bytes: [UInt8]) async {
    await #expect(processExitsWith: .success) { [bytes] in
      var link = try Self.link { socket in
        try socket.send(Self.reports[0].bytes)
        // A report that brings a descriptor is none, either.
        try socket.send(bytes.isEmpty ? Self.reports[1].bytes : bytes, descriptors: bytes.isEmpty ? [0] : [])
      }
      var effects: [String] = []
      for _ in 0..<20 where effects.count < 2 { effects += try Self.turn(&link) }
      #expect(effects == ["\(Effect.relay(Self.reports[0]))", "relayEnded"])
      #expect(try Process.wait(link.process)?.status.terminationSignal == Signals.kill)
    }
  }

  /// An order to close is never lost, and nothing overtakes it.
  @Test func whatIsToBeClosedIsClosedLater() async {
    await #expect(processExitsWith: .success) {
      let begin = try DatagramPair()
      let closed = try DatagramPair()
      var link = try Self.link { socket in
        _ = try begin.second.receive()
        while let message = try socket.receive() { try closed.second.send(message.bytes) }
      }
      let descriptor = try FileDescriptor.open("/dev/null", FileDescriptor.readOnly)
      var listening = 0
      while link.send(.listen(port: 1), descriptor) { listening += 1 }
      for id in 0..<300 as Range<UInt64> { link.close(id) }
      let isLate = link.send(.listen(port: 2), descriptor)
      #expect(!isLate)
      try begin.first.send([1])
      var ids: [RelayOrder?] = []
      while ids.count < 300 {
        _ = try Self.turn(&link, within: .milliseconds(50))
        while case .message(let message) = try closed.first.receiveAtOnce() {
          if let order = RelayOrder(message.bytes), order != .listen(port: 1) { ids.append(order) }
        }
      }
      #expect(ids == (0..<300).map { .close(id: $0) })
      link.kill()
    }
  }
}
