import Testing

@testable import Policy

/// The two programs that a handshake to a name waits between.
struct HandshakeFilterTests {
  /// IPv4 198.19.64.1 to an address of the pool, TCP with these flags.
  private static func frame(
    _ flags: UInt8, type: [UInt8] = [8, 0], header: UInt8 = 0x45, fragment: [UInt8] = [0x40, 0],
    number: UInt8 = 6, to destination: [UInt8] = [198, 19, 96, 1]
  ) -> [UInt8] {
    [UInt8](repeating: 2, count: 12) + type + [header, 0, 0, 40, 0, 0] + fragment + [64, number, 0, 0]
      + [198, 19, 64, 1] + destination + [156, 64, 1, 187, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, flags]
      + [0, 0, 0, 0, 0, 0]
  }

  private static func asked() throws -> Interpreter {
    try Interpreter(HandshakeFilter.asked(of: try #require(Prefix("198.19.96.0/19"))))
  }

  /// SYN, whatever comes with it but ACK; what is not TCP, its first fragment too; the pool's ends.
  @Test(arguments: [
    frame(0x02), frame(0x42), frame(0xc2), frame(0x06), frame(0, number: 17), frame(0, number: 1),
    frame(0, number: 132), frame(0, fragment: [0x20, 0], number: 17),
    frame(0x02, to: [198, 19, 96, 0]), frame(0x02, to: [198, 19, 127, 255]),
  ])
  func taken(_ frame: [UInt8]) throws {
    #expect(try Self.asked().run(frame) == FilterProgram.take)
  }

  /// All that follows a handshake's first packet; other families, options, fragments; other destinations; what is cut.
  @Test(arguments: [
    frame(0x10), frame(0x12), frame(0x18), frame(0x04), frame(0x11), frame(0),
    frame(0x02, type: [0x86, 0xdd]), frame(0x02, header: 0x46), frame(0x02, header: 0x65),
    frame(0x02, header: 0x44), frame(0x02, fragment: [0x20, 0]), frame(0x02, fragment: [0, 1]),
    frame(0, fragment: [0x20, 1], number: 17), frame(0, fragment: [0x1f, 0], number: 17),
    frame(0x02, to: [198, 19, 95, 255]), frame(0x02, to: [198, 19, 128, 0]),
    frame(0x02, to: [198, 19, 64, 1]), frame(0, number: 17, to: [10, 0, 0, 1]),
    Array(frame(0x02)[..<47]), Array(frame(0, number: 17)[..<33]), [],
  ])
  func dropped(_ frame: [UInt8]) throws {
    #expect(try Self.asked().run(frame) == FilterProgram.drop)
  }

  /// Where a segment comes from is nobody's to choose; what belongs to a connection passes.
  @Test func requestsComeByOneLink() throws {
    let program = try Interpreter(HandshakeFilter.requests(onlyBy: 7))
    func segment(_ flags: UInt8) -> [UInt8] { Array(Self.frame(flags)[34...]) }
    for flags in UInt8.min...UInt8.max {
      let isRequest = flags & 0x02 != 0 && flags & 0x10 == 0
      #expect(program.run(segment(flags), link: 7) == FilterProgram.accept)
      #expect(program.run(segment(flags), link: 2) == (isRequest ? FilterProgram.drop : FilterProgram.accept))
      #expect(program.run(segment(flags), link: 0) == (isRequest ? FilterProgram.drop : FilterProgram.accept))
    }
    #expect(program.run(Array(segment(0x10)[..<13]), link: 7) == FilterProgram.drop)
  }
}
