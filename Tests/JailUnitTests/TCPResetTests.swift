import Policy
import Testing

@testable import Jail

private func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// RFC 9293 section 3.10.7.1.
@Suite struct TCPResetTests {
  /// IPv4 192.0.0.2 to 10.20.0.6, TCP 40000 to 80, sequence 01020304, acknowledgement 0a0b0c0d; 3 bytes of data.
  private static func segment(_ flags: UInt8) -> [UInt8] {
    bytes("45 00 002b 1234 4000 40 06 5e7d c0000002 0a140006 9c40 0050 01020304 0a0b0c0d 50")
      + [flags] + bytes("faf0 0000 0000 616263")
  }

  private static func answer(_ packet: [UInt8]) throws -> TCPReset.Answer {
    TCPReset.answer(to: packet, try #require(RefusedHeader(packet)))
  }

  /// An acknowledgement is believed: the reset is what would have come next.
  @Test func acknowledged() throws {
    let expected = bytes(
      """
      45 00 0028 0000 0000 40 06 b0b4 0a140006 c0000002
      0050 9c40 0a0b0c0d 00000000 5004 0000 331c 0000
      """)
    #expect(try Self.answer(Self.segment(0x18)) == .packet(expected))
  }

  /// Without one, the reset acknowledges all of the segment: its data, and a FIN.
  @Test(arguments: [(0x00, "01020307"), (0x08, "01020307"), (0x01, "01020308")] as [(UInt8, String)])
  func withoutAcknowledgement(_ flags: UInt8, _ next: String) throws {
    guard case .packet(let packet) = try Self.answer(Self.segment(flags)) else {
      Issue.record("no reset")
      return
    }
    #expect(packet[24..<34] == (bytes("00000000") + bytes(next) + [0x50, 0x14])[...])
  }

  @Test func whatAsksForAConnectionIsAnsweredByICMP() throws {
    #expect(try Self.answer(Self.segment(0x02)) == .icmp)
    // A segment that is cut off.
    #expect(try Self.answer(Array(Self.segment(0x10)[..<39])) == .icmp)
  }

  @Test(arguments: [0x04, 0x14, 0x06] as [UInt8]) func aResetIsNot(_ flags: UInt8) throws {
    #expect(try Self.answer(Self.segment(flags)) == .silence)
  }

  @Test func ipv6() throws {
    let packet =
      bytes(
        "60000000 0014 06 40 fd6a61e1c5b200000000000000000002 20010db8000000000000000000000007")
      + Self.segment(0x10)[20..<40]
    guard case .packet(let answer) = try Self.answer(packet) else {
      Issue.record("no reset")
      return
    }
    #expect(answer[8..<24] == packet[24..<40] && answer[24..<40] == packet[8..<24])
    let ends = (source: Array(answer[8..<24]), destination: Array(answer[24..<40]))
    let pseudoHeader = IPHeader.pseudoHeader(ends, protocolNumber: 6, length: 20)
    #expect(IPHeader.checksum(pseudoHeader + answer[40...]) == [0, 0])
  }
}
