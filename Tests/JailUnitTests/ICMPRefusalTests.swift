import Policy
import Testing

@testable import Jail

private func bytes(_ hex: String) -> [UInt8] {
  let digits = hex.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

@Suite struct ICMPRefusalTests {
  static let gateways = [IPAddress("192.0.0.1"), IPAddress("fd6a:61e1:c5b2::1")].compactMap { $0 }

  /// The frame that answers a frame that the uplink's filter dropped.
  private static func answer(to frame: ArraySlice<UInt8>, gateways: [IPAddress] = gateways) -> [UInt8]? {
    guard let packet = DroppedFrames.packet(in: frame), let header = RefusedHeader(packet),
      let source = gateways.first(where: { $0.family == header.destination.family })
    else { return nil }
    let answer = ICMPRefusal.answer(to: packet, header, from: source)
    return DroppedFrames.frame(answer, to: bytes("02aabbccddee"), from: bytes("9a559a559a55"))
  }

  /// Ethernet, IPv4 192.0.0.2 to 10.20.0.6, TCP SYN to port 80.
  static let tcp = bytes(
    """
    9a559a559a55 02aabbccddee 0800
    45 00 0028 1234 4000 40 06 5e80 c0000002 0a140006
    9c40 0050 01020304 00000000 5002 faf0 0000 0000
    """)
  /// Ethernet, IPv6 fd6a:61e1:c5b2::2 to 2001:db8::7, UDP to port 53.
  static let udp6 = bytes(
    """
    9a559a559a55 02aabbccddee 86dd
    60000000 000d 11 40 fd6a61e1c5b200000000000000000002 20010db8000000000000000000000007
    9c40 0035 000d 0000 68656c6c6f
    """)

  @Test func ipv4() {
    #expect(
      Self.answer(to: Self.tcp[...])
        == bytes(
          """
          02aabbccddee 9a559a559a55 0800
          45 00 0038 0000 0000 40 01 fac1 c0000001 c0000002
          03 0d 5c5c 00000000
          45 00 0028 1234 4000 40 06 5e80 c0000002 0a140006 9c40 0050 01020304
          """))
  }

  @Test func ipv4WithOptions() {
    let frame = bytes(
      """
      9a559a559a55 02aabbccddee 0800
      46 00 002c 1234 4000 40 06 5b7a c0000002 0a140006 01010101
      9c40 0050 01020304 00000000 5002 faf0 0000 0000
      """)
    #expect(
      Self.answer(to: frame[...])
        == bytes(
          """
          02aabbccddee 9a559a559a55 0800
          45 00 003c 0000 0000 40 01 fabd c0000001 c0000002
          03 0d 5c5c 00000000
          46 00 002c 1234 4000 40 06 5b7a c0000002 0a140006 01010101 9c40 0050 01020304
          """))
  }

  @Test func ipv6() {
    #expect(
      Self.answer(to: Self.udp6[...])
        == bytes(
          """
          02aabbccddee 9a559a559a55 86dd
          60000000 003d 3a 40 fd6a61e1c5b200000000000000000001 fd6a61e1c5b200000000000000000002
          01 01 1023 00000000
          60000000 000d 11 40 fd6a61e1c5b200000000000000000002 20010db8000000000000000000000007
          9c40 0035 000d 0000 68656c6c6f
          """))
  }

  /// At most 1280 bytes behind the Ethernet header; the odd count exercises the checksum's padding.
  @Test(arguments: [1201, 1160, 65_000])
  func longIPv6(_ payload: Int) throws {
    let frame = Self.udp6 + [UInt8](repeating: 0xa5, count: payload - 13)
    let answer = try #require(Self.answer(to: frame[...]))
    #expect(answer.count == 14 + 40 + 8 + min(1200, 40 + payload))
    #expect(answer[62...].elementsEqual(frame.dropFirst(14).prefix(1200)))
    let pseudoHeader = answer[22..<54] + [0, 0] + answer[18..<20] + [0, 0, 0, 58]
    #expect(IPHeader.checksum(Array(pseudoHeader) + answer[54...]) == [0, 0])
    #expect(Self.answer(to: frame.prefix(14 + ICMPRefusal.longestQuote)) == answer)
  }

  /// RFC 1071 section 3, and an odd length.
  @Test func checksum() {
    #expect(IPHeader.checksum(bytes("0001f203f4f5f6f7")) == bytes("220d"))
    #expect(IPHeader.checksum(bytes("01")) == bytes("feff"))
    #expect(IPHeader.checksum([]) == bytes("ffff"))
  }

  static let icmp = changed(tcp, 23, 1)
  static let icmp6 = changed(udp6, 20, 58)
  /// Hop-by-hop, then what `next` says.
  static func behindHopByHop(_ next: UInt8, type: UInt8) -> [UInt8] {
    Array(changed(udp6, 20, 0)[..<54]) + [next, 0, 5, 2, 0, 0, 1, 0] + [type, 0, 0, 0, 0, 0, 0, 0]
  }
  /// A fragment header with an offset in units of 8 bytes, more to come, then UDP.
  static func fragment(_ offset: UInt8) -> [UInt8] {
    Array(changed(udp6, 20, 44)[..<54]) + [17, 0, 0, offset << 3 | 1, 0, 0, 0, 1] + udp6[54...]
  }

  static let answeredFrames: [[UInt8]] = [
    tcp, udp6,
    // Echo requests.
    changed(icmp, 34, 8), changed(icmp6, 54, 128), behindHopByHop(58, type: 128),
    // Multicast, broadcast, the first fragment, an unknown protocol.
    changed(tcp, 30, 224), replaced(tcp, at: 30, by: [255, 255, 255, 255]), changed(udp6, 38, 0xff),
    changed(tcp, 20, 0x20), fragment(0), changed(tcp, 23, 132), behindHopByHop(17, type: 0),
    // 8 bytes behind the header are enough.
    cut(tcp, to: 42),
  ]

  @Test(arguments: answeredFrames)
  func answered(_ frame: [UInt8]) {
    #expect(Self.answer(to: frame[...]) != nil)
    // A slice does not start at 0.
    #expect(Self.answer(to: ([1, 2, 3] + frame)[3...]) == Self.answer(to: frame[...]))
  }

  static let silentFrames: [[UInt8]] = [
    [], cut(tcp, to: 14), cut(tcp, to: 33), cut(tcp, to: 41), cut(udp6, to: 53), cut(udp6, to: 54),
    // ARP; a wrong version; a header that is too short, or longer than the packet.
    changed(tcp, 13, 6), changed(tcp, 14, 0x65), changed(udp6, 14, 0x45), changed(tcp, 14, 0x44),
    changed(tcp, 14, 0x4f),
    // From nobody.
    replaced(tcp, at: 26, by: [0, 0, 0, 0]),
    replaced(udp6, at: 22, by: [UInt8](repeating: 0, count: 16)),
    // Later fragments.
    changed(tcp, 20, 0x01), changed(tcp, 21, 0x01), fragment(1),
    // ICMP errors and replies; IGMP; ICMPv6 errors, neighbour discovery and MLD.
    changed(icmp, 34, 3), changed(icmp, 34, 11), changed(icmp, 34, 0), changed(tcp, 23, 2),
    changed(icmp6, 54, 1), changed(icmp6, 54, 3), changed(icmp6, 54, 129), changed(icmp6, 54, 133),
    changed(icmp6, 54, 135), behindHopByHop(58, type: 143), behindHopByHop(58, type: 1),
    // An extension header that the packet does not hold.
    changed(changed(udp6, 20, 60), 55, 9), cut(changed(udp6, 20, 59), to: 54),
  ]

  @Test(arguments: silentFrames)
  func silent(_ frame: [UInt8]) {
    #expect(Self.answer(to: frame[...]) == nil)
  }

  @Test func familyWithoutGateway() {
    let ipv4Only = [Self.gateways[0]]
    #expect(Self.answer(to: Self.udp6[...], gateways: ipv4Only) == nil)
    #expect(Self.answer(to: Self.tcp[...], gateways: ipv4Only) != nil)
  }

  @Test func randomBytes() {
    for round in 0..<20_000 {
      var frame = round % 2 == 0 ? Self.udp6 : Self.tcp
      frame = Array(frame[..<Int.random(in: 14...frame.count)])
      for _ in 0..<4 { frame[.random(in: frame.indices)] = .random(in: 0...255) }
      if round % 4 == 0, frame.count > 20 {
        frame[20] = [0, 43, 44, 51, 60].randomElement() ?? 0
        frame += (0..<40).map { _ in [0, 43, 51, 60, 1].randomElement() ?? 0 }
      }
      if let answer = Self.answer(to: frame[...]) { #expect(answer.count <= 14 + 1280) }
    }
  }
}
