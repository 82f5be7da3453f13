import Linux
import Policy
import Record
import Testing

@testable import Jail

/// What needs no link: a socket pair stands for the packet socket, and all that it delivers is incoming; a pipe stands for the tap.
@Suite struct RefusalResponderTests {
  private static func responder(tun: consuming FileDescriptor? = nil, now: Instant) -> RefusalResponder {
    let link = RefusalLink(index: 7, addresses: RefusalAddresses.closed)
    return RefusalResponder(
      RefusalSockets(tun: tun, diagnosis: nil, echoes4: nil, echoes6: nil), link, command: 0, except: [],
      now: now)
  }

  @Test func rateAndDirection() throws {
    let frames = try DatagramPair()
    let sender = try frames.first.descriptor.duplicate()
    let tap = try Pipe()
    let start = Instant(milliseconds: 1000)
    var responder = Self.responder(now: start)
    responder.attend(
      DroppedFrames(
        packets: PacketSocket(owning: try frames.second.descriptor.duplicate()),
        tap: try tap.writer.duplicate(), link: .init(index: 2, address: [2, 0, 0, 0, 0, 2]),
        gateway: [2, 0, 0, 0, 0, 1], gateways: ICMPRefusalTests.gateways))
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
    // Others have their turn in between.
    try turn(0)
    #expect(responder.deadline == nil)
    for _ in 0..<6 { try turn(0) }
    // The burst is used up: the rest waits unread, and nobody waits for it.
    #expect(responder.interests.isEmpty)
    #expect(responder.deadline == start + .milliseconds(100))
    try turn(99)
    #expect(responder.interests.isEmpty)
    try turn(100)
    #expect(responder.deadline == nil)
    for _ in 0..<3 { try turn(100) }
    #expect(try waiting() == 0)
    // Nothing that comes in is answered.
    #expect(try wait([.readable(tap.reader.rawValue, ())], until: .now).ready.isEmpty)
  }

  /// A packet of the refusal link is told, and answered in the destination's name, or another's where nobody has such a name.
  @Test(arguments: [
    ([10, 20, 0, 6], "10.20.0.6"), ([224, 0, 0, 251], "192.0.0.11"), ([0, 0, 0, 1], "192.0.0.11"),
  ])
  func answersByTheLink(_ destination: [UInt8], _ answerer: String) throws {
    // Sockets that do not wait, as the link's descriptor does not.
    let any = try #require(SocketAddress([127, 0, 0, 1], port: 0))
    let tun = try InternetSocket(.datagram, for: any)
    let kernel = try InternetSocket(.datagram, for: any)
    try tun.bind(to: any)
    try kernel.bind(to: any)
    try tun.connect(to: kernel.localAddress())
    try kernel.connect(to: tun.localAddress())
    var responder = Self.responder(tun: try tun.descriptor.duplicate(), now: .now)
    var packet = Array(ICMPRefusalTests.tcp.dropFirst(14))
    packet.replaceSubrange(16..<20, with: destination)
    try kernel.descriptor.write(packet)
    let effects = responder.handle(.refused, now: .now)
    let expected = RefusedPacket(
      destination: try #require(IPAddress(family: .ipv4, bytes: destination)), protocolNumber: 6, port: 80,
      sender: .unknown)
    guard case .refused(expected)? = effects.first, effects.count == 1 else {
      Issue.record("\(effects)")
      return
    }
    var answer = [UInt8](repeating: 0, count: 100)
    let count = try #require(try kernel.receive(into: &answer))
    #expect(count == 56 && answer[9] == 1 && answer[20...21] == [3, 13])
    #expect(IPAddress(family: .ipv4, bytes: answer[12..<16])?.description == answerer)
    #expect(answer[16..<20] == [192, 0, 0, 2])
  }
}
