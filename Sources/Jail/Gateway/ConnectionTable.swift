internal import Linux
internal import Policy

/// The connections by number, and by what tells them apart in the jail.
struct ConnectionTable {
  /// Those whose handshake waits, the oldest first.
  private(set) var held: [NamedConnection] = []
  /// Those that the relay knows of.
  private var relayed: [UInt64: NamedConnection] = [:]
  private var flows: [NameFlow: NamedConnection] = [:]
  private var last: UInt64 = 0

  /// More are not held: TCP asks again.
  static let mostHeld = 256
  /// The same for one name: where nobody answers, others still have room.
  static let mostHeldOfName = 128
  /// In all.
  static let most = 1000

  /// By when the first of those that the relay was told to reset must be over.
  var closing: Instant? {
    relayed.values.compactMap { if case .closing(let end) = $0.phase { end } else { nil } }.min()
  }

  var count: Int { held.count + relayed.count }

  /// All of them, the oldest first.
  var all: [NamedConnection] { (held + relayed.values).sorted { $0.id < $1.id } }

  /// Whether one more can be held.
  func mayHold(_ name: DomainName) -> Bool {
    held.count < Self.mostHeld && held.count { $0.name == name } < Self.mostHeldOfName
  }

  /// One that waits.
  func held(_ id: UInt64) -> NamedConnection? { held.first { $0.id == id } }
  /// One that the relay knows of.
  func relayed(_ id: UInt64) -> NamedConnection? { relayed[id] }
  /// The latest with these ports.
  func latest(_ flow: NameFlow) -> NamedConnection? { flows[flow] }

  mutating func hold(_ syn: HeldSYN, _ name: DomainName, now: Instant) -> NamedConnection {
    last += 1
    let connection = NamedConnection(id: last, syn, name, now: now)
    held.append(connection)
    flows[syn.flow] = connection
    return connection
  }

  /// The relay has it from now on.
  mutating func pass(_ connection: NamedConnection) {
    held.removeAll { $0 === connection }
    relayed[connection.id] = connection
  }

  /// Another may use its ports.
  mutating func forget(_ connection: NamedConnection) {
    if flows[connection.syn.flow] === connection { flows[connection.syn.flow] = nil }
  }

  mutating func remove(_ connection: NamedConnection) {
    forget(connection)
    held.removeAll { $0 === connection }
    relayed[connection.id] = nil
  }
}
