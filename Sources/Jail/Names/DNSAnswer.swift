internal import Policy

/// The addresses in a resolver's answer (RFC 1035 section 4.1), so that a refusal can be told with the name that was asked for.
///
/// All addresses of the answer section count for that name: the names of its records, through which CNAMEs lead, are passed over
/// unread. Nothing is decided by this.
enum DNSAnswer {
  private static let mostRecords = 64
  private static let mostAddresses = 16
  private static let internet: UInt16 = 1

  /// `start` is where the question ends. What is malformed ends the list.
  static func addresses(in message: ArraySlice<UInt8>, from start: Int) -> [IPAddress] {
    let bytes = Array(message)
    func word(_ offset: Int) -> UInt16 { UInt16(bytes[offset]) << 8 | UInt16(bytes[offset + 1]) }
    guard bytes.count >= DNSRequest.headerLength, bytes[3] & 0x0f == 0, word(4) == 1 else { return [] }
    var addresses: [IPAddress] = []
    var position = start
    for _ in 0..<min(Int(word(6)), mostRecords) where addresses.count < mostAddresses {
      // Type, class, time to live, length.
      guard let fields = endOfName(in: bytes, from: position), fields + 10 <= bytes.count else { break }
      let data = fields + 10
      position = data + Int(word(fields + 8))
      guard position <= bytes.count else { break }
      let family: Family
      switch (word(fields), word(fields + 2)) {
      case (1, internet): family = .ipv4
      case (28, internet): family = .ipv6
      default: continue
      }
      if let address = IPAddress(family: family, bytes: bytes[data..<position]) { addresses.append(address) }
    }
    return addresses
  }

  /// Behind a name, which ends with an empty label or with a pointer. No pointer is followed.
  private static func endOfName(in bytes: [UInt8], from start: Int) -> Int? {
    var position = start
    while position < bytes.count, position - start <= 255 {
      switch bytes[position] {
      case 0: return position + 1
      case 0xc0...: return position + 2
      case 1..<64: position += 1 + Int(bytes[position])
      default: return nil
      }
    }
    return nil
  }
}
