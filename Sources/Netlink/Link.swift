internal import CLinux

/// A network link (rtnetlink(7), RTM_NEWLINK).
public struct Link: Sendable, Hashable {
  public let index: UInt32
  public let name: String
  /// IFF_* of netdevice(7).
  public let flags: UInt32
  /// The link-layer address; empty if it has none.
  public let address: [UInt8]
  /// How many frames have left it (IFLA_STATS64); for a tap, how many were read from its descriptor.
  public let sentFrames: UInt64?

  /// The loopback link is the first of every network namespace.
  public static let loopback: UInt32 = 1

  public var isUp: Bool { flags & UInt32(IFF_UP) != 0 }

  /// The request that lists all links.
  public static var dumpRequest: Message {
    Message(type: Int(RTM_GETLINK), flags: Int(NLM_F_DUMP), fixed: [UInt8](repeating: 0, count: 16))
  }

  /// The request that brings a link up. Without ARP, neither family ever asks who a neighbour is: every
  /// packet leaves at once. Without multicast, the kernel says nothing on it of its own accord.
  public static func upRequest(
    index: UInt32, withoutARP: Bool = false, withoutMulticast: Bool = false
  ) -> Message {
    let flags = UInt32(IFF_UP) | (withoutARP ? UInt32(IFF_NOARP) : 0)
    let change = flags | (withoutMulticast ? UInt32(IFF_MULTICAST) : 0)
    return Message(type: Int(RTM_NEWLINK), flags: 0, fixed: fixed(index: index, flags: flags, change: change))
  }

  /// The request that sets the MTU, in bytes, and the length of the transmit queue, in frames, and with
  /// `withoutLinkLocal` keeps the kernel from making an IPv6 address for the link.
  public static func configureRequest(
    index: UInt32, mtu: UInt32, queueLength: UInt32, withoutLinkLocal: Bool
  ) -> Message {
    var message = Message(type: Int(RTM_NEWLINK), flags: 0, fixed: fixed(index: index, flags: 0, change: 0))
    message.attribute(Int(IFLA_MTU), mtu)
    message.attribute(Int(IFLA_TXQLEN), queueLength)
    if withoutLinkLocal {
      message.nested(Int(IFLA_AF_SPEC)) { families in
        families.nested(Int(AF_INET6)) { inet6 in
          inet6.attribute(Int(IFLA_INET6_ADDR_GEN_MODE), [UInt8(IN6_ADDR_GEN_MODE_NONE.rawValue)])
        }
      }
    }
    return message
  }

  /// One end of a pair of links (veth(4)).
  public struct End: Sendable, Hashable {
    public let name: String
    /// 6 bytes.
    public let address: [UInt8]

    public init(name: String, address: [UInt8]) {
      self.name = name
      self.address = address
    }
  }

  /// The request that makes a pair of links: one here, the other in the network namespace that a descriptor stands for. `mtu` is in
  /// bytes. EOPNOTSUPP if the kernel has no such links.
  public static func pairRequest(_ here: End, _ there: End, in namespace: CInt, mtu: UInt32) -> Message {
    var message = Message(
      type: Int(RTM_NEWLINK), flags: Int(NLM_F_CREATE | NLM_F_EXCL),
      fixed: fixed(index: 0, flags: 0, change: 0))
    message.attributes(of: here, mtu: mtu)
    message.nested(Int(IFLA_LINKINFO)) { info in
      info.attribute(Int(IFLA_INFO_KIND), Array("veth".utf8))
      info.nested(Int(IFLA_INFO_DATA)) { data in
        data.nested(Int(VETH_INFO_PEER), after: fixed(index: 0, flags: 0, change: 0)) { peer in
          peer.attributes(of: there, mtu: mtu)
          peer.attribute(Int(IFLA_NET_NS_FD), UInt32(bitPattern: namespace))
        }
      }
    }
    return message
  }

  /// The request that keeps a link from passing IPv4 packets on and from asking where their sources are, whatever new links inherit
  /// (forwarding, rp_filter: ip-sysctl).
  public static func endHostRequest(index: UInt32) -> Message {
    var message = Message(type: Int(RTM_NEWLINK), flags: 0, fixed: fixed(index: index, flags: 0, change: 0))
    message.nested(Int(IFLA_AF_SPEC)) { families in
      families.nested(Int(AF_INET)) { inet in
        inet.nested(Int(IFLA_INET_CONF)) { settings in
          settings.attribute(forwarding, UInt32(0))
          settings.attribute(reversePathFilter, UInt32(0))
        }
      }
    }
    return message
  }

  // IPV4_DEVCONF_* of linux/ip.h, which clashes with the C library's headers.
  private static let forwarding = 1
  private static let reversePathFilter = 8

  /// The request that takes a link away.
  public static func deleteRequest(index: UInt32) -> Message {
    Message(type: Int(RTM_DELLINK), flags: 0, fixed: fixed(index: index, flags: 0, change: 0))
  }

  private static func fixed(index: UInt32, flags: UInt32, change: UInt32) -> [UInt8] {
    [0, 0, 0, 0] + Message.encoded(index) + Message.encoded(flags) + Message.encoded(change)
  }

  /// Reads an RTM_NEWLINK message; nil for anything else and for contradictory lengths.
  public init?(_ reply: Reply) {
    let reader = ByteReader(reply.payload[...])
    guard reply.type == Int(RTM_NEWLINK), let attributes = reply.attributes(after: 16),
      let index = reader.number(UInt32.self, at: 4), let flags = reader.number(UInt32.self, at: 8),
      let name = attributes[Int(IFLA_IFNAME)]
    else { return nil }
    self.index = index
    self.flags = flags
    self.name = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    self.address = Array(attributes[Int(IFLA_ADDRESS)] ?? [])
    // The second field of struct rtnl_link_stats64.
    self.sentFrames = attributes[Int(IFLA_STATS64)].flatMap { ByteReader($0).number(UInt64.self, at: 8) }
  }
}

extension Message {
  fileprivate mutating func attributes(of end: Link.End, mtu: UInt32) {
    attribute(Int(IFLA_IFNAME), Array(end.name.utf8) + [0])
    attribute(Int(IFLA_ADDRESS), end.address)
    attribute(Int(IFLA_MTU), mtu)
  }
}
