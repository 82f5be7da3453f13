import Testing

@testable import Linux

struct DatagramPairTests {
  @Test func messagesKeepTheirBoundsAndCarryDescriptors() throws {
    let pair = try DatagramPair()
    let pipe = try Pipe()
    try pair.first.send([1, 2], descriptors: [pipe.writer.rawValue])
    try pair.first.send([3])
    let message = try pair.second.receive()
    let first = try #require(message)
    #expect(first.bytes == [1, 2])
    #expect(first.descriptors.count == 1)
    let passed = FileDescriptor(owning: try #require(first.descriptors.first))
    try passed.write([9])
    var byte: [UInt8] = [0]
    #expect(try pipe.reader.read(into: &byte) == 1)
    #expect(byte == [9])
    #expect(try pair.second.receive()?.bytes == [3])
  }

  @Test func lastMessageIsNotLostToWhatTheOtherEndLeftUnread() throws {
    let pair = try DatagramPair()
    try pair.first.send([1])
    try pair.second.send([7])
    let first = pair.keepFirst()
    #expect(try first.receive()?.bytes == [7])
    #expect(try first.receive()?.bytes == nil)
  }

  @Test func closedEndIsTheEnd() throws {
    let end = try DatagramPair().keepFirst()
    #expect(try end.receive()?.bytes == nil)
    let error = #expect(throws: SystemCallError.self) { try end.send([1]) }
    #expect(error?.description == "sendmsg: Broken pipe")
  }

  private static func arrival(at socket: borrowing DatagramSocket) throws -> [UInt8]? {
    guard case .message(let message) = try socket.receiveAtOnce() else { return nil }
    return message.bytes
  }

  @Test func whatWouldWaitIsNotDone() throws {
    let pair = try DatagramPair()
    guard case .nothing = try pair.second.receiveAtOnce() else {
      Issue.record("something")
      return
    }
    var count = 0
    while try pair.first.sendAtOnce([UInt8](repeating: 1, count: 1000)) { count += 1 }
    #expect(count > 10)
    for _ in 0..<count { #expect(try Self.arrival(at: pair.second)?.count == 1000) }
    #expect(try pair.first.sendAtOnce([7], descriptors: [0]))
    #expect(try Self.arrival(at: pair.second) == [7])
    let second = DatagramSocket(try pair.second.descriptor.duplicate())
    _ = pair.keepSecond()
    guard case .end = try second.receiveAtOnce() else {
      Issue.record("no end")
      return
    }
    let error = #expect(throws: SystemCallError.self) { _ = try second.sendAtOnce([1]) }
    #expect(error?.errno == Errno.EPIPE)
  }
}
