internal import Policy

/// The answer to a packet that may not leave the jail: "communication administratively prohibited", from the
/// gateway (RFC 792 and RFC 1812 section 5.2.7.1: type 3, code 13; RFC 4443 section 3.1: type 1, code 1).
struct ICMPRefusal {
  /// The link-layer address of the jail's uplink.
  let uplink: [UInt8]
  /// The link-layer address of the gateway.
  let gateway: [UInt8]
  /// Whose name the answers are in, one for each family that the uplink carries.
  let gateways: [IPAddress]

  /// How much of a frame is needed to answer it. Bytes.
  static let longestFrame = 14 + ipv6Quote
  /// The whole answer then fits the least IPv6 MTU, 1280 bytes (RFC 4443 section 2.4).
  private static let ipv6Quote = 1200
  /// The echo request of either protocol: the one ICMP message that is answered.
  private static let ipv4Echo: UInt8 = 8
  private static let ipv6Echo: UInt8 = 128

  /// The Ethernet frame that answers this one; nil when silence is right. Multicast and broadcast are
  /// answered, too: there is nobody on this link but the sender, and the error at once is what it is for.
  func answer(to frame: ArraySlice<UInt8>) -> [UInt8]? {
    guard frame.count > 14 else { return nil }
    let packet = Array(frame.dropFirst(14))
    switch (frame[frame.startIndex + 12], frame[frame.startIndex + 13]) {
    case (0x08, 0x00): return ipv4Answer(to: packet)
    case (0x86, 0xdd): return ipv6Answer(to: packet)
    default: return nil
    }
  }

  private func ipv4Answer(to packet: [UInt8]) -> [UInt8]? {
    guard packet.count >= 20, let source = gateways.first(where: { $0.family == .ipv4 })?.bytes else {
      return nil
    }
    let headerLength = Int(packet[0] & 0x0f) * 4
    // Later fragments do not say whose they are (RFC 1122 section 3.2.2).
    guard packet[0] >> 4 == 4, headerLength >= 20, packet.count >= headerLength + 8,
      packet[6] & 0x1f == 0, packet[7] == 0, packet[12..<16] != [0, 0, 0, 0],
      Self.isAnswered(protocol: packet[9], type: packet[headerLength])
    else { return nil }
    let body = Self.message(type: 3, code: 13, quote: packet[..<(headerLength + 8)], pseudoHeader: [])
    var header: [UInt8] = [0x45, 0] + Self.word(20 + body.count) + [0, 0, 0, 0, 64, 1, 0, 0] + source
    header += packet[12..<16]
    header.replaceSubrange(10..<12, with: Self.checksum(header))
    return uplink + gateway + [0x08, 0x00] + header + body
  }

  private func ipv6Answer(to packet: [UInt8]) -> [UInt8]? {
    guard packet.count >= 40, packet[0] >> 4 == 6,
      let source = gateways.first(where: { $0.family == .ipv6 })?.bytes,
      packet[8..<24].contains(where: { $0 != 0 }),
      let (next, payload) = Self.upperLayer(of: packet), payload < packet.count,
      Self.isAnswered(protocol: next, type: packet[payload])
    else { return nil }
    let addresses = source + packet[8..<24]
    let quote = packet.prefix(Self.ipv6Quote)
    let length = Self.word(8 + quote.count)
    let body = Self.message(
      type: 1, code: 1, quote: quote, pseudoHeader: addresses + [0, 0] + length + [0, 0, 0, 58])
    return uplink + gateway + [0x86, 0xdd, 0x60, 0, 0, 0] + length + [58, 64] + addresses + body
  }

  /// An ICMP error must never answer an ICMP error, and what keeps a link going (neighbour discovery,
  /// multicast membership) is no attempt to reach anything.
  private static func isAnswered(protocol number: UInt8, type: UInt8) -> Bool {
    switch number {
    case 1: type == ipv4Echo
    case 2: false
    case 58: type == ipv6Echo
    default: true
    }
  }

  /// The protocol behind the extension headers, and where it starts (RFC 8200 section 4); nil for a later
  /// fragment and for a chain that the packet does not hold.
  private static func upperLayer(of packet: [UInt8]) -> (protocol: UInt8, offset: Int)? {
    var next = packet[6]
    var offset = 40
    while true {
      let length: (UInt8) -> Int
      switch next {
      case 0, 43, 60: length = { 8 + Int($0) * 8 }
      case 51: length = { 8 + Int($0) * 4 }
      case 44: length = { _ in 8 }
      default: return (next, offset)
      }
      guard offset + 8 <= packet.count else { return nil }
      if next == 44, packet[offset + 2] != 0 || packet[offset + 3] & 0xf8 != 0 { return nil }
      next = packet[offset]
      offset += length(packet[offset + 1])
    }
  }

  private static func message(
    type: UInt8, code: UInt8, quote: ArraySlice<UInt8>, pseudoHeader: [UInt8]
  ) -> [UInt8] {
    var message = [type, code, 0, 0, 0, 0, 0, 0] + quote
    message.replaceSubrange(2..<4, with: checksum(pseudoHeader + message))
    return message
  }

  /// The Internet checksum (RFC 1071).
  static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += UInt32(byte) << (index % 2 == 0 ? 8 : 0) }
    while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
    return word(Int(~sum & 0xffff))
  }

  private static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }
}
