import Linux
import Netlink
import Record
import Testing

@testable import Jail
@testable import Policy

/// A gateway between sockets that the test holds: what the jail sends and gets, what goes on, what the relay is told. Names lead to
/// 127.0.0.1. The clock is the test's.
final class GatewayBench {
  let directory: NameDirectory
  var gateway: NameGateway
  var now = Instant(milliseconds: 1_000_000)
  private let jail: DatagramSocket
  private let held: DatagramSocket
  /// What answers requests to the kernel: an acknowledgement for each.
  private let kernel: DatagramSocket
  private let relay: DatagramSocket
  private let link: RelayLink
  /// What the relay was told.
  private(set) var orders: [RelayOrder] = []
  private var sequence: UInt32 = 0

  /// Listeners without a name.
  final class Listeners: ListenerSource {
    func listener(port: UInt16, link: UInt32) throws(SystemCallError) -> InternetSocket {
      guard let any = SocketAddress([127, 0, 0, 1], port: 0) else {
        throw SystemCallError("bind", errno: Errno.EAFNOSUPPORT)
      }
      return try InternetSocket(.stream, for: any)
    }
  }

  static let own: [UInt8] = [198, 19, 64, 1]
  static let macs: (gateway: [UInt8], jail: [UInt8]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2])

  static func plan(_ rules: [DomainRule], closed: [String] = []) -> NamePlan {
    let blocks = closed.compactMap { Prefix($0) }.map {
      Rule(prefix: $0, action: .block, origin: .builtin("closed"))
    }
    let bases = [Family.ipv4, .ipv6].map {
      Rule(prefix: .everything($0), action: .allow, origin: .internet)
    }
    return NamePlan(
      addresses: NameAddresses.candidates[0], policy: NamePolicy(rules), isExclusive: true, hasGateway: true,
      rules: blocks + bases)
  }

  static func rule(_ name: String, _ action: Action = .allow, ports: PortSet = .all) throws -> DomainRule {
    DomainRule(
      DomainPattern(try #require(DomainName(name)), .tree), ports: ports, action: action, origin: .internet)
  }

  /// Port 0 of `upstream` is one at which nobody is.
  init(
    _ plan: NamePlan, capacity: Int = ConnectionTable.most, upstream: @escaping (IPAddress) -> SocketAddress?
  ) throws {
    directory = NameDirectory(plan)
    let packets = try DatagramPair(), held = try DatagramPair(), kernel = try DatagramPair()
    let relay = try DatagramPair()
    let sockets = NamesSockets(
      packets: PacketSocket(owning: try packets.first.descriptor.duplicate()),
      held: try held.first.descriptor.duplicate(), heldIndex: 3,
      routing: NetlinkSocket(owning: try kernel.first.descriptor.duplicate()), stock: Listeners(),
      gateway: Self.macs.gateway, jail: Self.macs.jail, jailIndex: 2)
    link = RelayLink(
      process: 0, end: try FileDescriptor.open("/dev/null", FileDescriptor.readOnly),
      socket: DatagramSocket(try relay.first.descriptor.duplicate()))
    gateway = NameGateway(
      sockets, directory, link, senders: nil, searchDomains: [try #require(DomainName("corp.example"))],
      capacity: capacity, now: now,
      socketAddress: { address, _ in upstream(address) })
    jail = packets.keepSecond()
    self.held = held.keepSecond()
    self.kernel = kernel.keepSecond()
    self.relay = relay.keepSecond()
    for _ in 0..<NamePorts.most + 4 { try acknowledge() }
  }

  /// struct nlmsgerr without an error.
  private func acknowledge() throws {
    sequence += 1
    let number = (0..<4).map { UInt8(truncatingIfNeeded: sequence >> ($0 * 8)) }
    let header: [UInt8] = [36, 0, 0, 0, 2, 0, 0, 0] + number + [0, 0, 0, 0]
    try kernel.send(header + [0, 0, 0, 0] + header)
  }

  /// Reads what the relay is told, each with as many descriptors as belong to it.
  private func readOrders() throws {
    while try !wait([.readable(relay.descriptor.rawValue, ())], until: .now).ready.isEmpty {
      guard let message = try relay.receive() else { break }
      for descriptor in message.descriptors { _ = FileDescriptor(owning: descriptor) }
      let order = try #require(RelayOrder(message.bytes))
      #expect(message.descriptors.count == order.descriptorCount)
      orders.append(order)
    }
  }

  /// The relay reads nothing more.
  func breakRelay() throws {
    isRelayStuck = true
    while link.send(.listen(port: 1), jail.descriptor) {}
  }
  private var isRelayStuck = false

  /// The address by which the jail knows a name.
  func address(_ name: String) throws -> [UInt8] {
    let name = try #require(DomainName(name))
    return try #require(directory.address(of: name)).bytes
  }

  /// A name leads there.
  func resolve(_ name: String, _ addresses: [String]) throws {
    _ = try address(name)
    directory.keep(
      addresses.compactMap { IPAddress($0) }, of: try #require(DomainName(name)), until: now + .seconds(60))
  }

  static func syn(
    to address: [UInt8], port: UInt16 = 443, from source: UInt16 = 40_000, sequence: UInt8 = 1,
    sender: [UInt8] = own
  ) -> [UInt8] {
    var packet = HeldSYNTests.syn
    packet.replaceSubrange(12..<20, with: sender + address)
    packet.replaceSubrange(20..<24, with: IPHeader.word(Int(source)) + IPHeader.word(Int(port)))
    packet[24] = sequence
    return packet
  }

  /// A packet from the jail, and what follows at once.
  func send(_ packet: [UInt8]) throws -> [Effect] {
    try jail.descriptor.write(Self.macs.gateway + Self.macs.jail + [8, 0] + packet)
    let effects = gateway.handle(.packets, now: now)
    if !isRelayStuck { try readOrders() }
    return effects
  }

  /// What the jail got, without the Ethernet header.
  func answers() throws -> [[UInt8]] {
    let header: [UInt8] = Self.macs.jail + Self.macs.gateway + [8, 0]
    return try Self.read(jail).map {
      #expect($0.starts(with: header))
      return Array($0.dropFirst(14))
    }
  }

  /// What went on.
  func proceeded() throws -> [[UInt8]] { try Self.read(held) }

  private static func read(_ socket: borrowing DatagramSocket) throws -> [[UInt8]] {
    var found: [[UInt8]] = []
    while try !wait([.readable(socket.descriptor.rawValue, ())], until: .now).ready.isEmpty {
      guard let message = try socket.receive() else { break }
      found.append(message.bytes)
    }
    return found
  }

  /// The plan becomes another one.
  func use(_ plan: NamePlan) throws -> [Effect] {
    directory.use(plan)
    let effects = gateway.followPlan(now: now)
    if !isRelayStuck { try readOrders() }
    return effects
  }

  /// Goes round the loop until nothing comes any more, after so much time.
  func pass(_ milliseconds: Int = 0) throws -> [Effect] {
    now = now + .milliseconds(milliseconds)
    var effects: [Effect] = []
    for _ in 0..<10 {
      for event in try wait(gateway.interests, until: .now + .milliseconds(2)).ready {
        effects += gateway.handle(event, now: now)
      }
      if let deadline = gateway.deadline, deadline <= now { effects += gateway.handle(nil, now: now) }
      if !isRelayStuck { try readOrders() }
    }
    return effects
  }
}

/// The connections that were refused, in order.
func refusedConnections(_ effects: [Effect]) -> [RefusedConnection] {
  effects.compactMap { if case .connectionRefused(let refused) = $0 { refused } else { nil } }
}
