import Linux
import Testing

@testable import Jail

/// What needs no link: a socket pair stands for the packet socket, and all that it delivers is incoming.
@Suite struct RefusalResponderTests {
  @Test func rateAndDirection() throws {
    let frames = try DatagramPair()
    let sender = try frames.first.descriptor.duplicate()
    let tap = try Pipe()
    let start = Instant(milliseconds: 1000)
    var responder = RefusalResponder(
      packets: PacketSocket(owning: try frames.second.descriptor.duplicate()),
      refusal: ICMPRefusalTests.refusal, tap: try tap.writer.duplicate(), now: start)
    func waiting() throws -> Int { try wait(responder.interests, until: .now).ready.count }
    func turn(_ milliseconds: Int) throws {
      let now = start + .milliseconds(milliseconds)
      for event in try wait(responder.interests, until: .now).ready {
        #expect(responder.handle(event, now: now).isEmpty)
      }
      if let deadline = responder.deadline, deadline <= now {
        #expect(responder.handle(nil, now: now).isEmpty)
      }
    }
    #expect(responder.deadline == nil)
    try turn(0)
    for _ in 0..<250 { try sender.write(ICMPRefusalTests.tcp) }
    try turn(0)
    // The burst is used up: the rest waits unread, and nobody waits for it.
    #expect(responder.interests.isEmpty)
    #expect(responder.deadline == start + .milliseconds(100))
    try turn(99)
    #expect(responder.interests.isEmpty)
    try turn(100)
    #expect(responder.deadline == nil)
    try turn(100)
    #expect(try waiting() == 0)
    // Nothing that comes in is answered.
    #expect(try wait([.readable(tap.reader.rawValue, ())], until: .now).ready.isEmpty)
  }
}
