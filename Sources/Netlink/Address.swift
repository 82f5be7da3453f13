internal import CLinux

/// An address of a link (rtnetlink(7), RTM_NEWADDR).
public struct Address: Sendable, Hashable {
  public let family: AddressFamily
  /// Network byte order.
  public let bytes: [UInt8]
  /// In bits.
  public let prefixLength: UInt8
  /// The link's index.
  public let link: UInt32
  /// The other end of a point-to-point link, whose prefix `prefixLength` then is; equal to `bytes` otherwise.
  public let peer: [UInt8]

  public init?(_ bytes: [UInt8], prefixLength: UInt8, link: UInt32) {
    guard let family = AddressFamily(bytes: bytes) else { return nil }
    self.family = family
    self.bytes = bytes
    self.peer = bytes
    self.prefixLength = prefixLength
    self.link = link
  }

  /// The request that adds it, without duplicate address detection. EEXIST if the link has it.
  public var addRequest: Message {
    var message = Message(
      type: Int(RTM_NEWADDR), flags: Int(NLM_F_CREATE | NLM_F_EXCL),
      fixed: [family.rawValue, prefixLength, UInt8(IFA_F_NODAD), 0] + Message.encoded(link))
    message.attribute(Int(IFA_LOCAL), bytes)
    message.attribute(Int(IFA_ADDRESS), bytes)
    return message
  }

  /// The request that lists the addresses of all links of a family.
  public static func dumpRequest(_ family: AddressFamily) -> Message {
    Message(
      type: Int(RTM_GETADDR), flags: Int(NLM_F_DUMP),
      fixed: [family.rawValue] + [UInt8](repeating: 0, count: 7))
  }

  /// Reads an RTM_NEWADDR message; nil for anything else and for contradictory lengths.
  public init?(_ reply: Reply) {
    let reader = ByteReader(reply.payload[...])
    guard reply.type == Int(RTM_NEWADDR), let attributes = reply.attributes(after: 8),
      let family = reader.number(UInt8.self, at: 0).flatMap(AddressFamily.init(rawValue:)),
      let prefixLength = reader.number(UInt8.self, at: 1), Int(prefixLength) <= family.size * 8,
      let link = reader.number(UInt32.self, at: 4),
      let peer = attributes[Int(IFA_ADDRESS)] ?? attributes[Int(IFA_LOCAL)], peer.count == family.size
    else { return nil }
    let local = attributes[Int(IFA_LOCAL)] ?? peer
    guard local.count == family.size else { return nil }
    self.family = family
    self.bytes = Array(local)
    self.peer = Array(peer)
    self.prefixLength = prefixLength
    self.link = link
  }
}
