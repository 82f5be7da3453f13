internal import CLinux

/// Address families as rtnetlink numbers them.
public enum AddressFamily: UInt8, Sendable, Hashable, CaseIterable {
  case ipv4 = 2
  case ipv6 = 10

  init?(bytes: some Collection<UInt8>) {
    switch bytes.count {
    case 4: self = .ipv4
    case 16: self = .ipv6
    default: return nil
    }
  }

  /// Bytes of an address.
  public var size: Int { self == .ipv4 ? 4 : 16 }
}

/// One route of a routing table (rtnetlink(7), RTM_NEWROUTE).
public struct Route: Sendable, Hashable {
  /// What happens to a packet that matches, RTN_* of linux/rtnetlink.h.
  public enum Kind: Sendable, Hashable {
    case unicast, local, blackhole, unreachable, prohibit
    /// The table has nothing to say: the next rule is asked.
    case `throw`
    /// To a group: leads somewhere, as a unicast route does.
    case multicast
    /// Every other type.
    case other(UInt8)

    var number: UInt8 {
      switch self {
      case .unicast: 1
      case .local: 2
      case .multicast: 5
      case .blackhole: 6
      case .unreachable: 7
      case .prohibit: 8
      case .throw: 9
      case .other(let number): number
      }
    }

    init(number: UInt8) {
      self =
        switch number {
        case 1: .unicast
        case 2: .local
        case 5: .multicast
        case 6: .blackhole
        case 7: .unreachable
        case 8: .prohibit
        case 9: .throw
        default: .other(number)
        }
    }
  }

  /// Where a packet goes next: the index of a link, and the gateway's address unless the destination is
  /// on-link.
  public struct NextHop: Sendable, Hashable {
    public let link: UInt32
    public let gateway: [UInt8]?

    public init(link: UInt32, gateway: [UInt8]?) {
      self.link = link
      self.gateway = gateway
    }
  }

  public let family: AddressFamily
  /// Network byte order; all zero for a default route.
  public let destination: [UInt8]
  /// In bits.
  public let prefixLength: UInt8
  public let table: UInt32
  public let kind: Kind
  /// Whether it leads to its next hops.
  public var leadsSomewhere: Bool { kind == .unicast || kind == .multicast }
  /// Empty unless the kind is one that leads somewhere.
  public let nextHops: [NextHop]
  /// Who installed it; RTPROT_KERNEL is 2.
  public let installer: UInt8

  /// A route as an administrator would install it (RTPROT_STATIC, 4). A table's number is below 256 here.
  public init(
    family: AddressFamily, destination: [UInt8], prefixLength: UInt8, kind: Kind, nextHop: NextHop? = nil,
    table: UInt32 = Self.mainTable
  ) {
    self.family = family
    self.destination = destination
    self.prefixLength = prefixLength
    self.table = table
    self.kind = kind
    self.nextHops = nextHop.map { [$0] } ?? []
    self.installer = 4
  }

  public static let mainTable: UInt32 = 254
  public static let localTable: UInt32 = 255
  public static let defaultTable: UInt32 = 253
  public static let kernelInstaller: UInt8 = 2

  /// The request that adds it. EEXIST if there is such a route.
  public var addRequest: Message { request(Int(RTM_NEWROUTE), flags: Int(NLM_F_CREATE | NLM_F_EXCL)) }

  /// The request that removes it. ESRCH if there is no such route.
  public var deleteRequest: Message { request(Int(RTM_DELROUTE), flags: 0) }

  private func request(_ type: Int, flags: Int) -> Message {
    let hop = nextHops.first
    // Scope: a gateway or a reject route is global (0), an on-link destination is of link scope (253), this host of its own (254).
    let scope: UInt8
    switch kind {
    case .local: scope = 254
    default: scope = leadsSomewhere && hop?.gateway == nil && family == .ipv4 ? 253 : 0
    }
    var message = Message(
      type: type, flags: flags,
      fixed: [
        family.rawValue, prefixLength, 0, 0, UInt8(truncatingIfNeeded: table), installer, scope, kind.number,
        0, 0, 0, 0,
      ])
    if prefixLength > 0 { message.attribute(Int(RTA_DST.rawValue), destination) }
    if let hop {
      if let gateway = hop.gateway { message.attribute(Int(RTA_GATEWAY.rawValue), gateway) }
      message.attribute(Int(RTA_OIF.rawValue), hop.link)
    }
    return message
  }

  /// The request that lists the routes of every table of a family.
  public static func dumpRequest(_ family: AddressFamily) -> Message {
    Message(
      type: Int(RTM_GETROUTE), flags: Int(NLM_F_DUMP),
      fixed: [family.rawValue] + [UInt8](repeating: 0, count: 11))
  }

  /// The request that asks which route a packet to this address would take; nothing is sent. ENETUNREACH if
  /// there is none.
  public static func lookupRequest(to address: [UInt8]) -> Message? {
    guard let family = AddressFamily(bytes: address) else { return nil }
    var message = Message(
      type: Int(RTM_GETROUTE), flags: 0,
      fixed: [family.rawValue, UInt8(family.size * 8)] + [UInt8](repeating: 0, count: 10))
    message.attribute(Int(RTA_DST.rawValue), address)
    return message
  }

  /// Reads an RTM_NEWROUTE message; nil for anything else, for other families, cached routes, and
  /// contradictory lengths.
  public init?(_ reply: Reply) {
    let reader = ByteReader(reply.payload[...])
    guard reply.type == Int(RTM_NEWROUTE), let attributes = reply.attributes(after: 12),
      let family = reader.number(UInt8.self, at: 0).flatMap(AddressFamily.init(rawValue:)),
      let prefixLength = reader.number(UInt8.self, at: 1), Int(prefixLength) <= family.size * 8,
      let shortTable = reader.number(UInt8.self, at: 4), let installer = reader.number(UInt8.self, at: 5),
      let kind = reader.number(UInt8.self, at: 7)
    else { return nil }
    let destination = attributes[Int(RTA_DST.rawValue)] ?? [UInt8](repeating: 0, count: family.size)[...]
    guard destination.count == family.size else { return nil }
    self.family = family
    self.destination = Array(destination)
    self.prefixLength = prefixLength
    self.table =
      attributes[Int(RTA_TABLE.rawValue)].flatMap { ByteReader($0).number(UInt32.self, at: 0) }
      ?? UInt32(shortTable)
    self.kind = Kind(number: kind)
    self.installer = installer
    self.nextHops = Self.nextHops(attributes)
  }

  private static func nextHops(_ attributes: Attributes) -> [NextHop] {
    if let multipath = attributes[Int(RTA_MULTIPATH.rawValue)] { return multipathHops(multipath) }
    guard let link = attributes[Int(RTA_OIF.rawValue)].flatMap({ ByteReader($0).number(UInt32.self, at: 0) })
    else { return [] }
    return [NextHop(link: link, gateway: gateway(attributes))]
  }

  /// RTA_MULTIPATH: an array of struct rtnexthop (length, flags, hops, link), each with attributes of its
  /// own.
  private static func multipathHops(_ bytes: ArraySlice<UInt8>) -> [NextHop] {
    var hops: [NextHop] = []
    var rest = bytes
    while rest.count >= 8 {
      let reader = ByteReader(rest)
      guard let length = reader.number(UInt16.self, at: 0), length >= 8, Int(length) <= rest.count,
        let link = reader.number(UInt32.self, at: 4), let body = reader.slice(8, Int(length) - 8)
      else { break }
      hops.append(NextHop(link: link, gateway: Attributes(body).flatMap(gateway)))
      rest = rest.dropFirst((Int(length) + 3) & ~3)
    }
    return hops
  }

  private static func gateway(_ attributes: Attributes) -> [UInt8]? {
    if let gateway = attributes[Int(RTA_GATEWAY.rawValue)] { return Array(gateway) }
    // RTA_VIA: a gateway of another family, after two bytes that name the family (RFC 5549).
    return attributes[Int(RTA_VIA.rawValue)].map { Array($0.dropFirst(2)) }
  }
}
