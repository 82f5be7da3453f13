import Policy
import Testing

@testable import Jail

private func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// The first packet of a connection to a name, and what answers it.
@Suite struct HeldSYNTests {
  /// IPv4 198.19.64.1 to 198.19.96.1, TCP 40000 to 443, SYN with MSS 1460, SACK permitted, window scale 7; the checksum is the partial
  /// one of a captured packet.
  static let syn = bytes(
    """
    45 00 0030 1234 4000 40 06 0000 c6134001 c6136001
    9c40 01bb 01020304 00000000 70 02 faf0 2d61 0000
    020405b4 0101 0402
    """)

  private static func held(_ packet: [UInt8]) -> HeldSYN? {
    RefusedHeader(packet).flatMap { HeldSYN(packet, $0) }
  }

  @Test func isWrittenAgainWhole() throws {
    let held = try #require(Self.held(Self.syn))
    #expect(held.sequence == 0x0102_0304)
    #expect(held.flow.source == 40000 && held.flow.port == 443)
    #expect(held.flow.address.description == "198.19.96.1")
    #expect(
      held.packet
        == bytes(
          """
          45 00 0030 0000 0000 40 06 4e9f c6134001 c6136001
          9c40 01bb 01020304 00000000 70 02 faf0 ba03 0000
          020405b4 0101 0402
          """))
    Self.expectChecksums(held.packet)
  }
  private static func expectChecksums(_ packet: [UInt8]) {
    #expect(IPHeader.checksum(Array(packet[..<20])) == [0, 0])
    let pseudoHeader = packet[12..<20] + [0, packet[9]] + IPHeader.word(packet.count - 20)
    #expect(IPHeader.checksum(Array(pseudoHeader) + packet[20...]) == [0, 0])
    #expect(packet.count == Int(packet[2]) << 8 | Int(packet[3]))
  }

  /// IP's options, type of service and identification are not passed on, nor padding of the frame, nor data.
  @Test func whatIsLeftOut() throws {
    let plain = try #require(Self.held(Self.syn))
    let options =
      [0x46, 0x1c, 0, 0x34] + Self.syn[4..<20] + [0x83, 3, 4, 0] + Self.syn[20...]
    #expect(Self.held(Array(options)) == plain)
    #expect(Self.held(Self.syn + [1, 2, 3, 4, 5, 6]) == plain)
    #expect(Self.held(changed(Self.syn, 3, 0x33) + [1, 2, 3]) == plain)
  }

  /// TCP's options are: 40 bytes of anything.
  @Test func optionsOfTCPAreKept() throws {
    let options = (0..<40).map { UInt8($0 * 6) }
    var packet = Self.syn[..<40] + options
    packet.replaceSubrange(2..<4, with: [0, 80])
    packet[32] = 0xf0
    let held = try #require(Self.held(Array(packet)))
    #expect(held.packet[40...] == options[...])
    Self.expectChecksums(held.packet)
  }

  static let others: [[UInt8]] = [
    // ACK, RST, FIN with it; none.
    changed(syn, 33, 0x12), changed(syn, 33, 0x06), changed(syn, 33, 0x03), changed(syn, 33, 0x00),
    // A header that is too short or longer than the packet; a packet longer than what was captured, or shorter than its header.
    changed(syn, 32, 0x40), changed(syn, 32, 0x00), changed(syn, 32, 0x80), changed(syn, 32, 0xf0),
    changed(syn, 3, 0x31), changed(syn, 2, 0xff), changed(syn, 3, 0x27), replaced(syn, at: 2, by: [0, 0]),
    // More fragments; a later one; UDP; ports that nobody has.
    changed(syn, 6, 0x20), changed(syn, 7, 1), changed(syn, 9, 17),
    replaced(syn, at: 20, by: [0, 0]), replaced(syn, at: 22, by: [0, 0]),
    // IP's header.
    changed(syn, 0, 0x44), changed(syn, 0, 0x4f), changed(syn, 0, 0x65), cut(syn, to: 39), cut(syn, to: 47),
    [],
    ICMPRefusalTests.udp6,
  ]

  @Test(arguments: others)
  func nothingElseIsOne(_ packet: [UInt8]) {
    #expect(Self.held(packet) == nil)
  }

  @Test func randomBytes() {
    for _ in 0..<20_000 {
      var packet = Array(Self.syn[..<Int.random(in: 0...Self.syn.count)])
      for _ in 0..<3 where !packet.isEmpty { packet[.random(in: packet.indices)] = .random(in: 0...255) }
      if let held = Self.held(packet) {
        Self.expectChecksums(held.packet)
        Self.expectChecksums(TCPReset.refusal(of: held))
      }
    }
  }

  @Test func refused() throws {
    let held = try #require(Self.held(Self.syn))
    let reset = TCPReset.refusal(of: held)
    #expect(
      reset
        == bytes(
          """
          45 00 0028 0000 0000 40 06 4ea7 c6136001 c6134001
          01bb 9c40 00000000 01020305 50 14 0000 e1a4 0000
          """))
    Self.expectChecksums(reset)
    // The last number is followed by the first.
    let last = try #require(Self.held(replaced(Self.syn, at: 24, by: [255, 255, 255, 255])))
    #expect(TCPReset.refusal(of: last)[28..<32] == [0, 0, 0, 0])
  }

  /// What connect(2) fails with is of the code.
  @Test(
    arguments: [(.prohibited, 13), (.network, 0), (.host, 1), (.port, 3)] as [(ICMPRefusal.Reason, UInt8)])
  func unreachable(_ reason: ICMPRefusal.Reason, _ code: UInt8) throws {
    let held = try #require(Self.held(Self.syn))
    let answer = ICMPRefusal.answer(to: held.packet, held.header, from: held.flow.address, reason)
    #expect(answer[..<20] == bytes("45 00 0038 0000 0000 40 01 4e9c c6136001 c6134001")[...])
    #expect(answer[20..<22] == [3, code] && answer[24..<28] == [0, 0, 0, 0])
    #expect(IPHeader.checksum(Array(answer[20...])) == [0, 0])
    #expect(answer[28...] == held.packet[..<28])
  }
}
