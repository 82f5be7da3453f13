import Linux
import Testing

@testable import Jail

/// What needs no link: a socket pair stands for the packet socket, and all that it delivers is incoming.
@Suite struct RefusalResponderTests {
  @Test func rateAndDirection() throws {
    let frames = try DatagramPair()
    let sender = try frames.first.descriptor.duplicate()
    let tap = try Pipe()
    var responder = RefusalResponder(
      packets: PacketSocket(owning: try frames.second.descriptor.duplicate()),
      refusal: ICMPRefusalTests.refusal, now: 1000)
    func wait() throws -> Set<CInt> { try poll([responder.interest].compactMap { $0 }, timeout: 0) }
    #expect(responder.deadline == nil)
    responder.handle(ready: try wait(), now: 1000, tap: tap.writer)
    for _ in 0..<250 { try sender.write(ICMPRefusalTests.tcp) }
    responder.handle(ready: try wait(), now: 1000, tap: tap.writer)
    // The burst is used up: the rest waits unread, and nobody waits for it.
    #expect(responder.interest == nil)
    #expect(responder.deadline == 1100)
    responder.handle(ready: try wait(), now: 1099, tap: tap.writer)
    #expect(responder.interest == nil)
    responder.handle(ready: try wait(), now: 1100, tap: tap.writer)
    #expect(responder.deadline == nil)
    responder.handle(ready: try wait(), now: 1100, tap: tap.writer)
    #expect(try wait().isEmpty)
    // Nothing that comes in is answered.
    #expect(try poll([.readable(tap.reader.rawValue)], timeout: 0).isEmpty)
  }
}
