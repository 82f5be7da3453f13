internal import Linux
internal import Netlink
internal import Policy

/// The ports at which names are reached: each has a listener, made when it is asked for first, and a rule that leads its packets there.
struct NamePorts: ~Copyable {
  private enum Progress {
    case made(Listener)
    case listening
    case open
  }
  private final class Listener {
    let socket: InternetSocket
    init(_ socket: consuming InternetSocket) { self.socket = socket }
  }
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
  mutating func open(_ port: UInt16, _ relay: borrowing RelayLink) throws {
    if ports[port] == nil {
      ports[port] = .made(Listener(try stock.listener(port: port, link: heldIndex)))
    }
    if case .made(let listener) = ports[port] {
      guard relay.send(.listen(port: port), listener.socket.descriptor) else { throw RelayIsBusy() }
      ports[port] = .listening
    }
    if case .listening = ports[port] {
      try routing.apply([Self.rule(port).addRequest])
      ports[port] = .open
    }
  }

  static func rule(_ port: UInt16) -> PolicyRule {
    PolicyRule(family: .ipv4, priority: priority, table: table, tcpPort: port)
  }
}

/// The relay does not take an order now.
struct RelayIsBusy: Error, CustomStringConvertible {
  var description: String { "the relay is busy" }
}
