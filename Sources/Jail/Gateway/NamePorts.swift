internal import Linux
internal import Netlink
internal import Policy

/// The ports at which names are reached: each has a listener, made when it is asked for first, and a rule that leads its packets there.
struct NamePorts: ~Copyable {
  private enum Progress { case listening, open }
  private var ports: [UInt16: Progress] = [:]
  private let stock: any ListenerSource
  private let heldIndex: UInt32
  private var routing: NetlinkSocket

  static let most = 64
  /// The table in which the pool is local.
  static let table: UInt32 = 100
  private static let priority: UInt32 = 100

  init(_ stock: any ListenerSource, heldIndex: UInt32, routing: consuming NetlinkSocket) {
    self.stock = stock
    self.heldIndex = heldIndex
    self.routing = routing
  }

  func mayOpen(_ port: UInt16) -> Bool { ports[port] != nil || ports.count < Self.most }

  /// Makes sure that a port has its listener, which the relay gets. The rule comes last: packets that it led nowhere would be answered
  /// by the kernel, with a reset.
  mutating func open(_ port: UInt16, _ order: NameGateway.Order) throws {
    if ports[port] == nil {
      let socket = try stock.listener(port: port, link: heldIndex)
      try order(.listen(port: port), socket.descriptor.rawValue)
      ports[port] = .listening
    }
    if ports[port] == .listening {
      try routing.apply([Self.rule(port).addRequest])
      ports[port] = .open
    }
  }

  static func rule(_ port: UInt16) -> PolicyRule {
    PolicyRule(family: .ipv4, priority: priority, table: table, tcpPort: port)
  }
}
