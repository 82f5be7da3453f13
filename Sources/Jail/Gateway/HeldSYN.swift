internal import Policy

/// What asks for a connection to a name: the one packet that waits until the name has been reached. Made of hostile bytes, each looked
/// up with its length checked.
struct HeldSYN: Equatable {
  let flow: NameFlow
  /// Of two handshakes with the same ports, this tells them apart.
  let sequence: UInt32
  /// As it is written again: an IPv4 header of ours, and the TCP header with its options as they came. Both checksums are right:
  /// a packet that was captured on its way out of a machine has but the beginning of TCP's. Data, which nobody would take
  /// without a cookie (RFC 7413), is left out: TCP sends it again.
  let packet: [UInt8]
  let header: RefusedHeader

  private static let headerLength = 20
  private static let finish: UInt8 = 0x01
  private static let synchronize: UInt8 = 0x02
  private static let reset: UInt8 = 0x04
  private static let acknowledge: UInt8 = 0x10

  /// nil for all else: what is cut off or in fragments, what only looks like it, and ports that none can have.
  init?(_ captured: [UInt8], _ header: RefusedHeader) {
    // RefusedHeader has seen that IP's header and 8 bytes behind it are there.
    guard header.source.family == .ipv4, header.protocolNumber == RefusedHeader.tcp,
      captured[6] & 0x20 == 0, header.end <= captured.count, header.end >= header.payload + Self.headerLength
    else { return nil }
    let segment = captured[header.payload..<header.end]
    let start = segment.startIndex
    let length = Int(segment[start + 12] >> 4) * 4
    let flags = segment[start + 13] & (Self.finish | Self.synchronize | Self.reset | Self.acknowledge)
    guard flags == Self.synchronize, length >= Self.headerLength, length <= segment.count,
      let ports = header.ports(captured), ports.source != 0, ports.destination != 0
    else { return nil }
    flow = NameFlow(source: ports.source, address: header.destination, port: ports.destination)
    sequence = segment[(start + 4)..<(start + 8)].reduce(0) { $0 << 8 | UInt32($1) }
    packet = Self.complete(Array(segment.prefix(length)), header)
    guard let own = RefusedHeader(packet) else { return nil }
    self.header = own
  }

  private static func complete(_ segment: [UInt8], _ header: RefusedHeader) -> [UInt8] {
    let ends = (source: header.source.bytes, destination: header.destination.bytes)
    let pseudoHeader = IPHeader.pseudoHeader(ends, protocolNumber: RefusedHeader.tcp, length: segment.count)
    var segment = segment
    segment.replaceSubrange(16..<18, with: [0, 0])
    segment.replaceSubrange(16..<18, with: IPHeader.checksum(pseudoHeader + segment))
    return IPHeader.bytes(ends, protocolNumber: RefusedHeader.tcp, length: segment.count) + segment
  }
}
