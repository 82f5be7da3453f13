internal import Policy

/// The answer to a packet that may not leave the jail, or that nobody can answer: "destination unreachable" (RFC 792, RFC 4443
/// section 3.1).
enum ICMPRefusal {
  /// Why. Behind each, what connect(2) fails with.
  enum Reason: CaseIterable {
    /// Communication administratively prohibited (RFC 1812 section 5.2.7.1): EHOSTUNREACH, over IPv6 EACCES.
    case prohibited
    /// ENETUNREACH.
    case network
    /// EHOSTUNREACH.
    case host
    /// ECONNREFUSED.
    case port

    fileprivate func code(_ family: Family) -> UInt8 {
      switch self {
      case .prohibited: family == .ipv4 ? 13 : 1
      case .network: 0
      case .host: family == .ipv4 ? 1 : 3
      case .port: family == .ipv4 ? 3 : 4
      }
    }
  }

  /// How much of a packet is needed to answer it. The whole answer then fits the least IPv6 MTU, 1280 bytes (RFC 4443 section 2.4).
  static let longestQuote = 1200

  /// The packet that answers this one, in somebody's name. Multicast and broadcast are answered, too: there is nobody on the link but
  /// the sender, and the error at once is what it is for.
  static func answer(
    to packet: [UInt8], _ header: RefusedHeader, from source: IPAddress, _ reason: Reason = .prohibited
  ) -> [UInt8] {
    let code = reason.code(header.source.family)
    let ends = (source: source.bytes, destination: header.source.bytes)
    if header.source.family == .ipv4 {
      let quote = packet[..<(header.payload + 8)]
      let body = message(type: 3, code: code, quote: quote, pseudoHeader: [])
      return IPHeader.bytes(ends, protocolNumber: 1, length: body.count) + body
    }
    let quote = packet.prefix(longestQuote)
    let pseudoHeader = IPHeader.pseudoHeader(ends, protocolNumber: 58, length: 8 + quote.count)
    let body = message(type: 1, code: code, quote: quote, pseudoHeader: pseudoHeader)
    return IPHeader.bytes(ends, protocolNumber: 58, length: body.count) + body
  }

  private static func message(
    type: UInt8, code: UInt8, quote: ArraySlice<UInt8>, pseudoHeader: [UInt8]
  ) -> [UInt8] {
    var message = [type, code, 0, 0, 0, 0, 0, 0] + quote
    message.replaceSubrange(2..<4, with: IPHeader.checksum(pseudoHeader + message))
    return message
  }
}

/// The header of a packet that this program makes.
enum IPHeader {
  typealias Ends = (source: [UInt8], destination: [UInt8])

  /// The header in front of a payload of so many bytes.
  static func bytes(_ ends: Ends, protocolNumber: UInt8, length: Int) -> [UInt8] {
    if ends.source.count == 16 {
      return [0x60, 0, 0, 0] + word(length) + [protocolNumber, 64] + ends.source + ends.destination
    }
    var header: [UInt8] = [0x45, 0] + word(20 + length) + [0, 0, 0, 0, 64, protocolNumber, 0, 0]
    header += ends.source + ends.destination
    header.replaceSubrange(10..<12, with: checksum(header))
    return header
  }

  /// What a checksum of the upper layer covers, too (RFC 9293 section 3.1, RFC 8200 section 8.1).
  static func pseudoHeader(_ ends: Ends, protocolNumber: UInt8, length: Int) -> [UInt8] {
    let addresses = ends.source + ends.destination
    if ends.source.count == 16 { return addresses + [0, 0] + word(length) + [0, 0, 0, protocolNumber] }
    return addresses + [0, protocolNumber] + word(length)
  }

  /// The Internet checksum (RFC 1071).
  static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var sum: UInt32 = 0
    for (index, byte) in bytes.enumerated() { sum += UInt32(byte) << (index % 2 == 0 ? 8 : 0) }
    while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
    return word(Int(~sum & 0xffff))
  }

  static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8 & 0xff), UInt8(value & 0xff)] }
}
