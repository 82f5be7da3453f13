internal import Policy

/// What a refused packet says of itself: hostile bytes, each looked up with its length checked.
struct RefusedHeader: Equatable {
  let source, destination: IPAddress
  /// Of the upper layer, behind IPv6's extension headers.
  let protocolNumber: UInt8
  /// Where the upper layer starts. Bytes.
  let payload: Int
  /// Where the packet ends, which may be beyond what was read. Bytes.
  let end: Int

  /// nil where silence is right: what is no attempt to reach anything, what must never be answered, and what cannot be.
  init?(_ packet: [UInt8]) {
    guard let version = packet.first.map({ $0 >> 4 }) else { return nil }
    switch version {
    case 4: self.init(ipv4: packet)
    case 6: self.init(ipv6: packet)
    default: return nil
    }
  }

  private init?(ipv4 packet: [UInt8]) {
    guard packet.count >= 20 else { return nil }
    let headerLength = Int(packet[0] & 0x0f) * 4
    // Later fragments do not say whose they are (RFC 1122 section 3.2.2).
    guard headerLength >= 20, packet.count >= headerLength + 8, packet[6] & 0x1f == 0, packet[7] == 0,
      packet[12..<16] != [0, 0, 0, 0], Self.isAnswered(protocol: packet[9], type: packet[headerLength]),
      let source = IPAddress(family: .ipv4, bytes: packet[12..<16]),
      let destination = IPAddress(family: .ipv4, bytes: packet[16..<20])
    else { return nil }
    (self.source, self.destination) = (source, destination)
    protocolNumber = packet[9]
    payload = headerLength
    end = Int(packet[2]) << 8 | Int(packet[3])
  }

  private init?(ipv6 packet: [UInt8]) {
    guard packet.count >= 40, packet[8..<24].contains(where: { $0 != 0 }),
      let (next, payload) = Self.upperLayer(of: packet), payload < packet.count,
      Self.isAnswered(protocol: next, type: packet[payload]),
      let source = IPAddress(family: .ipv6, bytes: packet[8..<24]),
      let destination = IPAddress(family: .ipv6, bytes: packet[24..<40])
    else { return nil }
    (self.source, self.destination) = (source, destination)
    protocolNumber = next
    self.payload = payload
    end = 40 + (Int(packet[4]) << 8 | Int(packet[5]))
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
  /// The echo request of either protocol: the one ICMP message that is answered.
  private static let ipv4Echo: UInt8 = 8
  private static let ipv6Echo: UInt8 = 128

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

  static let tcp: UInt8 = 6
  static let udp: UInt8 = 17
  static let udpLite: UInt8 = 136
  /// With ports where TCP has them: TCP, UDP, DCCP, SCTP, UDP-Lite.
  private static let withPorts: [UInt8] = [tcp, udp, 33, 132, udpLite]

  var isEcho: Bool { protocolNumber == 1 || protocolNumber == 58 }

  /// The ports; nil where the protocol has none, or the packet is too short for them.
  func ports(_ packet: [UInt8]) -> (source: UInt16, destination: UInt16)? {
    guard Self.withPorts.contains(protocolNumber), packet.count >= payload + 4 else { return nil }
    return (number(packet, 0), number(packet, 2))
  }

  /// Which echo socket it came from; nil where the packet is too short.
  func identifier(_ packet: [UInt8]) -> UInt16? { packet.count >= payload + 6 ? number(packet, 4) : nil }

  private func number(_ packet: [UInt8], _ offset: Int) -> UInt16 {
    UInt16(packet[payload + offset]) << 8 | UInt16(packet[payload + offset + 1])
  }
}
