import Inspection
import Linux
import Policy

/// Copies bytes between the jail's connections to names and the sockets that lead there, which the supervisor has connected.
///
/// What comes from either side is hostile, so this process can do nothing else (`RelaySystemCalls`), and everything in it is bounded:
/// the connections by its capacity, each one's bytes by the buffer and by what the inspector may hold back, and what it has to say by
/// accepting nobody while it is not heard.
struct Relay: ~Copyable {
  /// Why it ends.
  enum End: Error {
    /// The supervisor has closed its socket, or is gone.
    case released
    /// An order makes no sense.
    case senseless
  }

  private let socket: DatagramSocket
  private let capacity: Int
  private var set: EpollSet
  /// Of all connections: what is read is passed on at once, and only what is not taken is kept.
  private var buffer = [UInt8](repeating: 0, count: Self.pieceLength)
  private var listeners: [UInt16: RelayListener] = [:]
  private var announced: [NameFlow: AnnouncedConnection] = [:]
  private var flows: [UInt64: NameFlow] = [:]
  private var connections: [UInt64: RelayConnection] = [:]
  private(set) var reports = RelayReports()
  /// What all connections keep together. Bytes.
  private(set) var keptCount = 0
  /// When to look for connections that have waited too long; nil if none has to wait for anything.
  private(set) var nextLook: Instant?
  /// Until when nobody is accepted, for want of memory or descriptors.
  private var pause: Instant?
  private var isAccepting = true
  private var ordersInterest: EpollSet.Readiness = []

  /// How much is read at a time. Bytes.
  static let pieceLength = 65_536
  /// While so much is kept, pieces are short: what slow readers do not take may wait in the kernel. Bytes.
  private let comfort: Int
  static let shortPieceLength = 4096
  /// The most ports.
  static let mostListeners = 64
  /// The most connections.
  static let mostConnections = 1200
  /// Its own descriptors, and those that are passed or accepted only to be closed.
  static let spareDescriptors = 32
  private static let lookInterval = Duration.seconds(1)
  private static let acceptPause = Duration.milliseconds(100)

  init(
    _ socket: consuming DatagramSocket, capacity: Int, comfort: Int = 16 << 20
  ) throws(SystemCallError) {
    let set = try EpollSet(batch: 64)
    try set.add(socket.descriptor.rawValue, [], token: RelayEvent.orders.token)
    self.set = set
    self.socket = socket
    self.capacity = capacity
    self.comfort = comfort
    reports.add(.ready(capacity: capacity))
  }

  /// Serves until the supervisor lets go.
  mutating func serve() -> End {
    do {
      while true { try turn(until: nil) }
    } catch {
      return error as? End ?? .senseless
    }
  }

  /// Waits for what happens next, at most until `limit`, and does it.
  mutating func turn(until limit: Instant?) throws {
    try settle()
    let deadline = [nextLook, pause, limit, reports.isBlocked ? nil : reports.deadline].compactMap { $0 }
      .min()
    let count = try set.wait(until: deadline)
    let now = Instant.now
    for index in 0..<count {
      let (token, readiness) = set[index]
      switch RelayEvent(token: token) {
      case .orders: try readOrders(now: now)
      case .listener(let port): try accept(at: port, now: now)
      case .connection(let id, let side): try handle(id, side, readiness, now: now)
      }
    }
    if let nextLook, nextLook <= now { try look(now: now) }
    if let pause, pause <= now { self.pause = nil }
  }

  // MARK: What the supervisor orders

  private mutating func readOrders(now: Instant) throws {
    while !isBacklogged {
      switch try socket.receiveAtOnce() {
      case .nothing: return
      case .end: throw End.released
      case .message(let message): try obey(message, now: now)
      }
    }
  }

  private mutating func obey(_ message: DatagramSocket.Message, now: Instant) throws {
    // What is wrong here ends the process, and what it has open with it.
    guard let order = RelayOrder(message.bytes), message.descriptors.count == order.descriptorCount else {
      throw End.senseless
    }
    switch order {
    case .listen(let port):
      try listen(port, InternetSocket(FileDescriptor(owning: message.descriptors[0])))
    case .connect(let id, let flow, let names):
      let peer = InternetSocket(FileDescriptor(owning: message.descriptors[0]))
      try announce(id, flow, names, peer, now: now)
    case .join(let id):
      try join(
        id, InternetSocket(FileDescriptor(owning: message.descriptors[0])),
        InternetSocket(FileDescriptor(owning: message.descriptors[1])))
    case .close(let id): try close(id)
    }
  }

  /// A listener is kept for ever.
  private mutating func listen(_ port: UInt16, _ socket: consuming InternetSocket) throws {
    guard listeners[port] == nil, listeners.count < Self.mostListeners else { throw End.senseless }
    // What it accepts has this of it.
    try socket.prepareForRelaying()
    try set.add(
      socket.descriptor.rawValue, isAccepting ? .readable : [], token: RelayEvent.listener(port).token)
    listeners[port] = RelayListener(socket)
  }

  private mutating func announce(
    _ id: UInt64, _ flow: NameFlow, _ names: [String], _ peer: consuming InternetSocket, now: Instant
  ) throws {
    guard isNew(id) else { throw End.senseless }
    try peer.prepareForRelaying()
    // The jail has given up on an earlier one, and begun anew from the same port.
    if let earlier = announced[flow] { forget(earlier) }
    announced[flow] = AnnouncedConnection(
      id: id, flow: flow, peer: RelayLeg(peer),
      inspection: RelayInspection(Inspector(names: names, port: flow.port)), now: now)
    flows[id] = flow
    lookLater(now)
  }

  private mutating func join(
    _ id: UInt64, _ first: consuming InternetSocket, _ second: consuming InternetSocket
  ) throws {
    guard isNew(id) else { throw End.senseless }
    try first.prepareForRelaying()
    try second.prepareForRelaying()
    let connection = RelayConnection(id, jail: RelayLeg(first), peer: RelayLeg(second), inspection: nil)
    connections[id] = connection
    try waitFor(connection, id: id)
  }

  /// Whether a connection may begin under this number.
  private func isNew(_ id: UInt64) -> Bool {
    id < RelayEvent.idLimit && flows[id] == nil && connections[id] == nil
      && flows.count + connections.count < capacity
  }

  private mutating func close(_ id: UInt64) throws {
    if let flow = flows[id], let connection = announced[flow] {
      connection.peer.reset()
      forget(connection)
    } else if let connection = connections[id] {
      try end(id, connection, .reset)
    }
  }

  private mutating func forget(_ connection: AnnouncedConnection) {
    announced[connection.flow] = nil
    flows[connection.id] = nil
    reports.add(.closed(id: connection.id))
  }

  // MARK: Who comes

  /// One at a time: whoever else waits is told of again.
  private mutating func accept(at port: UInt16, now: Instant) throws {
    guard isAccepting, let listener = listeners[port] else { return }
    let flow: NameFlow
    let leg: RelayLeg
    do throws(SystemCallError) {
      guard let accepted = try listener.socket.acceptWithPeer() else { return }
      let source = accepted.peer.port
      let jail = accepted.keepSocket()
      guard let address = IPAddress(bytes: try jail.localAddress().address) else { return }
      flow = NameFlow(source: source, address: address, port: port)
      leg = RelayLeg(jail)
    } catch {
      // Who gave up before is no reason to wait; being short of something is.
      if error.errno != Errno.ECONNABORTED { pause = now + Self.acceptPause }
      return
    }
    // The order was sent before the handshake was let go on, so it is here by now, if there is one.
    if announced[flow] == nil { try readOrders(now: now) }
    guard let connection = announced.removeValue(forKey: flow) else {
      leg.reset()
      return
    }
    flows[connection.id] = nil
    let begun = RelayConnection(
      connection.id, jail: leg, peer: connection.peer, inspection: connection.inspection)
    connections[connection.id] = begun
    reports.add(.accepted(id: connection.id))
    try waitFor(begun, id: connection.id)
  }

  // MARK: What is said

  private mutating func handle(
    _ id: UInt64, _ side: RelaySide, _ readiness: EpollSet.Readiness, now: Instant
  ) throws {
    // Nil if an earlier event of this turn ended it.
    guard let connection = connections[id] else { return }
    let before = connection.keptCount
    do throws(RelayEnding) {
      try connection.handle(
        side, readiness, buffer: &buffer,
        limit: keptCount < comfort ? Self.pieceLength : Self.shortPieceLength, now: now)
      keptCount += connection.keptCount - before
    } catch {
      keptCount += connection.keptCount - before
      try end(id, connection, error)
      return
    }
    if connection.deadline != nil { lookLater(now) }
    try waitFor(connection, id: id)
  }

  /// A connection that cannot be waited for is reset: the user's other processes may have used up what the kernel grants for that.
  private mutating func waitFor(_ connection: RelayConnection, id: UInt64) throws {
    do throws(SystemCallError) {
      try connection.register(in: set)
    } catch {
      try end(id, connection, .reset)
    }
  }

  private mutating func end(
    _ id: UInt64, _ connection: RelayConnection, _ ending: RelayEnding
  ) throws {
    connections[id] = nil
    keptCount -= connection.keptCount
    try connection.end(isReset: ending != .over, in: set)
    if case .refused(let refusal, let name) = ending {
      reports.add(.refused(id: id, refusal, name: String(decoding: name, as: UTF8.self)))
    } else if connection.isInspected {
      reports.add(.closed(id: id))
    } else {
      reports.addPatiently(.closed(id: id), now: .now)
    }
  }

  // MARK: What has to be looked after

  /// Ends what has waited too long. All are looked at, once a second and only while one of them waits for something.
  mutating func look(now: Instant) throws {
    nextLook = nil
    for connection in announced.values {
      if connection.deadline <= now { forget(connection) } else { lookLater(now) }
    }
    for (id, connection) in connections {
      guard let deadline = connection.deadline else { continue }
      if deadline <= now {
        try end(id, connection, .refused(.incomplete, name: []))
      } else {
        lookLater(now)
      }
    }
  }

  private mutating func lookLater(_ now: Instant) {
    if nextLook == nil { nextLook = now + Self.lookInterval }
  }

  /// Whether the supervisor does not listen. The connections that there are end with one report each, so no more of them is what
  /// bounds the reports.
  private var isBacklogged: Bool { reports.count > capacity }

  /// Tells the supervisor what it takes, and waits for what can be gone on with.
  private mutating func settle() throws {
    do throws(SystemCallError) {
      try reports.flush(to: socket)
    } catch {
      throw End.released
    }
    var wanted: EpollSet.Readiness = isBacklogged ? [] : .readable
    if reports.isBlocked { wanted.insert(.writable) }
    if wanted != ordersInterest {
      try set.change(socket.descriptor.rawValue, wanted, token: RelayEvent.orders.token)
      ordersInterest = wanted
    }
    let isAccepting = !isBacklogged && pause == nil
    if isAccepting != self.isAccepting {
      for (port, listener) in listeners {
        try set.change(
          listener.socket.descriptor.rawValue, isAccepting ? .readable : [],
          token: RelayEvent.listener(port).token)
      }
      self.isAccepting = isAccepting
    }
  }
}

/// Where connections to one port of all names arrive.
private final class RelayListener {
  let socket: InternetSocket
  init(_ socket: consuming InternetSocket) { self.socket = socket }
}
