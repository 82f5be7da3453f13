internal import CLinux

/// A rule of the routing policy database: which table is asked for which packets (ip-rule(8), RTM_NEWRULE).
public struct PolicyRule: Sendable, Hashable {
  public let family: AddressFamily
  /// The lowest is asked first.
  public let priority: UInt32
  /// The table that is looked up; nil when the rule does something else.
  public let table: UInt32?
  /// The table is that of the packet's VRF, whichever that is.
  public let isVRF: Bool
  /// It is for every packet, and says nothing of what may be found in the table.
  public let isPlain: Bool
  /// The TCP port that it is for; nil if it is for others, too, or for something else.
  public let tcpPort: UInt16?

  /// A rule for every packet, or for those to a TCP port. A table's number is below 256 here.
  public init(family: AddressFamily, priority: UInt32, table: UInt32, tcpPort: UInt16? = nil) {
    self.family = family
    self.priority = priority
    self.table = table
    self.isVRF = false
    self.isPlain = tcpPort == nil
    self.tcpPort = tcpPort
  }

  /// Those of a new network namespace.
  public static func initial(_ family: AddressFamily) -> [PolicyRule] {
    let ends: [(UInt32, UInt32)] = [
      (0, Route.localTable), (32_766, Route.mainTable), (32_767, Route.defaultTable),
    ]
    return ends.prefix(family == .ipv4 ? 3 : 2).map {
      PolicyRule(family: family, priority: $0, table: $1)
    }
  }

  /// The request that adds it. EEXIST if there is such a rule; EOPNOTSUPP if the kernel has no rules in this family.
  public var addRequest: Message { request(Int(RTM_NEWRULE), flags: Int(NLM_F_CREATE | NLM_F_EXCL)) }

  /// The request that removes it. ENOENT if there is no such rule.
  public var deleteRequest: Message { request(Int(RTM_DELRULE), flags: 0) }

  private func request(_ type: Int, flags: Int) -> Message {
    var message = Message(
      type: type, flags: flags,
      fixed: [
        family.rawValue, 0, 0, 0, UInt8(truncatingIfNeeded: table ?? 0), 0, 0, UInt8(FR_ACT_TO_TBL), 0, 0, 0,
        0,
      ])
    message.attribute(Int(FRA_PRIORITY), priority)
    if let tcpPort {
      message.attribute(Int(FRA_IP_PROTO), [Self.tcp])
      // struct fib_rule_port_range: from, to.
      message.attribute(Int(FRA_DPORT_RANGE), Message.encoded(tcpPort) + Message.encoded(tcpPort))
    }
    return message
  }

  /// IPPROTO_TCP.
  private static let tcp: UInt8 = 6

  /// The request that lists the rules of a family.
  public static func dumpRequest(_ family: AddressFamily) -> Message {
    Message(
      type: Int(RTM_GETRULE), flags: Int(NLM_F_DUMP),
      fixed: [family.rawValue] + [UInt8](repeating: 0, count: 11))
  }

  /// Reads an RTM_NEWRULE message; nil for anything else and for contradictory lengths.
  public init?(_ reply: Reply) {
    let reader = ByteReader(reply.payload[...])
    guard reply.type == Int(RTM_NEWRULE), let attributes = reply.attributes(after: 12),
      let family = reader.number(UInt8.self, at: 0).flatMap(AddressFamily.init(rawValue:)),
      let shortTable = reader.number(UInt8.self, at: 4), let action = reader.number(UInt8.self, at: 7),
      let flags = reader.number(UInt32.self, at: 8)
    else { return nil }
    self.family = family
    func number(_ type: Int) -> UInt32? {
      attributes[type].flatMap { ByteReader($0).number(UInt32.self, at: 0) }
    }
    priority = number(Int(FRA_PRIORITY)) ?? 0
    self.table = action == UInt8(FR_ACT_TO_TBL) ? number(Int(FRA_TABLE)) ?? UInt32(shortTable) : nil
    self.isVRF = attributes[Int(FRA_L3MDEV)]?.first == 1
    let ports = attributes[Int(FRA_DPORT_RANGE)].map(ByteReader.init)
    let port = ports?.number(UInt16.self, at: 0)
    let isOne = attributes[Int(FRA_IP_PROTO)]?.first == Self.tcp && port == ports?.number(UInt16.self, at: 2)
    tcpPort = isOne ? port : nil
    // Whatever a rule can be limited by is an attribute, or a field of the header: lengths of prefixes, type of service, flags.
    let plain = [FRA_TABLE, FRA_PRIORITY, FRA_PROTOCOL, FRA_SUPPRESS_PREFIXLEN, FRA_PAD].map { Int($0) }
    isPlain =
      reply.payload[1..<4] == [0, 0, 0] && flags & ~UInt32(FIB_RULE_PERMANENT) == 0
      && (number(Int(FRA_SUPPRESS_PREFIXLEN)) ?? .max) == .max && attributes.types.allSatisfy(plain.contains)
  }
}
