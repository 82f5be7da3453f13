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
}
