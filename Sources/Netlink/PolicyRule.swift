internal import CLinux

/// A rule of the routing policy database: which table is asked for which packets (ip-rule(8), RTM_NEWRULE).
public struct PolicyRule: Sendable, Hashable {
  public let family: AddressFamily
  /// The table that is looked up; nil when the rule does something else.
  public let table: UInt32?
  /// The table is that of the packet's VRF, whichever that is.
  public let isVRF: Bool

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
      let shortTable = reader.number(UInt8.self, at: 4), let action = reader.number(UInt8.self, at: 7)
    else { return nil }
    self.family = family
    let table =
      attributes[Int(FRA_TABLE)].flatMap { ByteReader($0).number(UInt32.self, at: 0) } ?? UInt32(shortTable)
    self.table = action == UInt8(FR_ACT_TO_TBL) ? table : nil
    self.isVRF = attributes[Int(FRA_L3MDEV)]?.first == 1
  }
}
