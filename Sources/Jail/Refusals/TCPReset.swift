internal import Policy

/// The answer to a segment of a connection that no rule allows any more, or that nobody takes. An established connection ignores ICMP
/// errors (RFC 5927 section 4); a reset ends it at once.
enum TCPReset {
  private static let finish: UInt8 = 0x01
  private static let synchronize: UInt8 = 0x02
  private static let reset: UInt8 = 0x04
  private static let acknowledge: UInt8 = 0x10

  /// What is to be done about a segment.
  enum Answer: Equatable {
    /// It asks for a connection: an ICMP error is the answer.
    case icmp
    /// This packet, in the name of the other end.
    case packet([UInt8])
    case silence
  }

  /// RFC 9293 section 3.10.7.1: what a machine answers that knows of no such connection.
  static func answer(to packet: [UInt8], _ header: RefusedHeader) -> Answer {
    let segment = packet[header.payload...]
    guard segment.count >= 20 else { return .icmp }
    let start = segment.startIndex
    let flags = segment[start + 13]
    if flags & reset != 0 { return .silence }
    if flags & synchronize != 0, flags & acknowledge == 0 { return .icmp }
    return .packet(reset(segment, flags, header))
  }

  /// "Connection refused", to what asks for one.
  static func refusal(of syn: HeldSYN) -> [UInt8] {
    reset(syn.packet[syn.header.payload...], synchronize, syn.header)
  }

  private static func reset(_ segment: ArraySlice<UInt8>, _ flags: UInt8, _ header: RefusedHeader) -> [UInt8]
  {
    let start = segment.startIndex
    let answer: [UInt8]
    if flags & acknowledge != 0 {
      answer = segment[(start + 8)..<(start + 12)] + [0, 0, 0, 0, 0x50, reset]
    } else {
      let data = max(0, header.end - header.payload - Int(segment[start + 12] >> 4) * 4)
      let length = data + (flags & (finish | synchronize) != 0 ? 1 : 0)
      let next = number(segment[(start + 4)..<(start + 8)]) &+ UInt32(truncatingIfNeeded: length)
      answer = [0, 0, 0, 0] + bytes(next) + [0x50, reset | acknowledge]
    }
    let ends = (source: header.destination.bytes, destination: header.source.bytes)
    var reply =
      segment[(start + 2)..<(start + 4)] + segment[start..<(start + 2)] + answer + [0, 0, 0, 0, 0, 0]
    let pseudoHeader = IPHeader.pseudoHeader(ends, protocolNumber: RefusedHeader.tcp, length: reply.count)
    let sum = IPHeader.checksum(pseudoHeader + reply)
    reply.replaceSubrange((reply.startIndex + 16)..<(reply.startIndex + 18), with: sum)
    return IPHeader.bytes(ends, protocolNumber: RefusedHeader.tcp, length: reply.count) + reply
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }
  private static func bytes(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }
}
