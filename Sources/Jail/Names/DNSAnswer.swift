internal import Policy

/// What a resolver's answer says of a name's addresses (RFC 1035 section 4.1).
///
/// All addresses of the answer section count for the name that was asked for: the names of its records, through which CNAMEs lead, are
/// passed over unread. Where they lead is checked before anything connects to them.
struct DNSAnswer {
  private(set) var addresses: [IPAddress] = []
  /// The least of the records that lead to the addresses, and of the addresses, in seconds; 0 without addresses.
  private(set) var timeToLive: UInt32 = 0

  private static let mostAddresses = 16
  private static let internet: UInt16 = 1

  /// `start` is where the question ends. What is malformed ends the list.
  init(_ message: ArraySlice<UInt8>, from start: Int) {
    let bytes = Array(message)
    guard bytes.count >= DNSRequest.headerLength, bytes[3] & 0x0f == 0, bytes.word(at: 4) == 1 else { return }
    var least = UInt32.max
    for record in DNSRecords(bytes, from: start, count: Int(bytes.word(at: 6)))
    where addresses.count < Self.mostAddresses && record.recordClass == Self.internet {
      // RFC 2181 section 8: with the top bit set it is none.
      let time = record.timeToLive >> 31 == 0 ? record.timeToLive : 0
      switch DNSType(rawValue: record.type) {
      case .cname, .dname: least = min(least, time)
      case .a: add(IPAddress(family: .ipv4, bytes: record.data), time, &least)
      case .aaaa: add(IPAddress(family: .ipv6, bytes: record.data), time, &least)
      default: continue
      }
    }
    if !addresses.isEmpty { timeToLive = least }
  }

  private mutating func add(_ address: IPAddress?, _ time: UInt32, _ least: inout UInt32) {
    guard let address else { return }
    addresses.append(address)
    least = min(least, time)
  }
}
