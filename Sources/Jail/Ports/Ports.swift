import Linux
import Netlink
import Policy
import Record

/// The ports that lead into the jail, and out of it: who listens, who connects, and which connections there are.
///
/// For TCP this accepts and connects, and hands both sockets to a relay: a process of its own, which copies bytes and can connect to
/// nothing. Datagrams are passed here. Nothing that is passed is looked at. What the jail can make this hold is bounded: connections by the
/// relay's capacity and `mostPending`, senders of datagrams by `mostFlows`; the rest waits in the kernel, or is lost.
final class Ports: Service {
  enum Event {
    /// Something is ready in the set of all sockets.
    case sockets
    case supply(SocketSupply.Event?)
    case relay(RelayLink.Event?)
  }

  /// What is to be open, and who wants it.
  struct Wish {
    let rule: DoorRule
    let origin: DoorOrigin
  }

  // What there is to be, and what there is.
  let supply: SocketSupply
  var configured: [Wish] = []
  /// Beside the configuration's.
  var extra: [Wish] = []
  var doors: [Door] = []
  var auto: AutoPublisher?
  var wantsAuto = false
  /// Who can be asked which sockets of the jail listen.
  let senders: SenderSearch
  /// The jail's own addresses, where a server may be that is not on loopback.
  let guests: [IPAddress]
  private(set) var relay: RelayLink?
  /// How many connections the relay takes; nil until it says so.
  private var capacity: Int?
  private var relayFailed = false

  // What is waited for.
  private var set: EpollSet?
  private var tokens: [UInt64: Ready] = [:]
  private var last: UInt64 = 0
  /// Until when nobody is accepted, for want of memory or descriptors.
  private var pause: Instant?

  // What passes.
  private var pending: [UInt64: DoorConnection] = [:]
  /// Those that wait for a socket of the jail's, the oldest first.
  private var thirsty: [UInt64] = []
  /// Those that the relay has.
  private var relayed: [UInt64: Door] = [:]
  /// Those that it was told to close, and by when it has to have done it.
  private var closing: [UInt64: Instant] = [:]
  var flows: [UInt64: DatagramFlow] = [:]
  var buffer: [UInt8] = []
  private var refused = RefusedDoors()

  private static let mostPending = 64
  private static let mostPendingOfDoor = 48
  private static let mostOfDoor = 1000
  static let turn = 32
  private static let acceptPause = Duration.milliseconds(100)
  private static let closingTime = Duration.seconds(10)
  /// How many descriptors this process should be able to have where there are doors.
  private static let wantedDescriptors = 2048

  /// What a token stands for.
  enum Ready {
    case listener(Door, DoorListener)
    case connecting(UInt64)
    case flow(DatagramFlow)
  }

  /// `relay`, if it was started already.
  init(
    _ supply: SocketSupply, senders: SenderSearch, guests: [IPAddress], relay: RelayLink?
  ) {
    self.supply = supply
    self.senders = senders
    self.guests = guests
    self.relay = relay
  }

  // MARK: Waiting

  var interests: [Interest<Event>] {
    var interests = supply.interests.map { $0.map { Event.supply($0) } }
    if let relay { interests += relay.interests.map { $0.map { Event.relay($0) } } }
    switch set {
    case .some(let set): if !tokens.isEmpty { interests.append(.readable(set.number, .sockets)) }
    case nil: break
    }
    return interests
  }

  /// Without `nextLook`, which comes again and again.
  var deadline: Instant? {
    let times: [Instant?] = [
      supply.deadline, pause, refused.deadline, closing.values.min(), pending.values.map(\.deadline).min(),
      flows.values.map { $0.latest + DatagramFlow.patience }.min(),
    ]
    return times.compactMap { $0 }.min()
  }

  func handle(_ event: Event?, now: Instant) -> [Effect] {
    var effects: [Effect] = []
    switch event {
    case .sockets: effects = handleSockets(now: now)
    case .supply(let event): effects = supply.handle(event, now: now) + supplied(now: now)
    case .relay(let event):
      for effect in relay?.handle(event, now: now) ?? [] {
        switch effect {
        case .relay(let report): reported(report)
        case .relayEnded: effects += relayEnded(now: now)
        default: effects.append(effect)
        }
      }
    case nil: effects = handleTime(now: now)
    }
    settleAccepting()
    return effects
  }

  private func handleTime(now: Instant) -> [Effect] {
    if let time = pause, time <= now { pause = nil }
    var effects: [Effect] = []
    if let time = supply.deadline, time <= now { effects += supply.handle(nil, now: now) }
    for connection in pending.values where connection.deadline <= now {
      effects += advance(connection, now: now)
    }
    for flow in flows.values where flow.latest + DatagramFlow.patience <= now { remove(flow) }
    if let end = closing.values.min(), end <= now {
      relay?.kill()
      effects += relayEnded(now: now)
    }
    if let time = nextLook, time <= now { effects += look(now: now) }
    return effects + refused.due(now)
  }

  private func handleSockets(now: Instant) -> [Effect] {
    guard let count = try? set?.wait(until: now) else { return [] }
    let ready = (0..<count).compactMap { index in (set?[index].token).flatMap { tokens[$0] } }
    return ready.flatMap { what -> [Effect] in
      switch what {
      case .listener(let door, let listener):
        // What an earlier one has closed is not open any more.
        guard tokens[listener.token] != nil else { return [] }
        if door.rule.transport == .stream { return accept(door, listener, now: now) }
        receive(door, listener, now: now)
      case .connecting(let id): return pending[id].map { advance($0, now: now) } ?? []
      case .flow(let flow): if flows[flow.token] === flow { answer(flow, now: now) }
      }
      return []
    }
  }

  // MARK: The set

  func newToken() -> UInt64 {
    last += 1
    return last
  }

  /// Waits for a descriptor from now on.
  func add(
    _ descriptor: CInt, _ wanted: EpollSet.Readiness, _ what: Ready, token: UInt64
  ) throws(SystemCallError) {
    try set?.add(descriptor, wanted, token: token)
    tokens[token] = what
  }

  /// Waits for a descriptor no longer, which is still open.
  func forget(_ descriptor: CInt?, token: UInt64) {
    tokens[token] = nil
    if let descriptor { try? set?.remove(descriptor) }
  }

  /// What doors need, when the first of them is opened.
  func prepare(for rule: DoorRule) throws(SystemCallError) {
    if set == nil {
      _ = try Process.raiseDescriptorLimit(to: Self.wantedDescriptors)
      set = try EpollSet(batch: 64)
    }
    guard rule.transport == .stream else { return }
    if relayFailed { throw SystemCallError("relay", errno: Errno.EPIPE) }
    if relay != nil { return }
    do {
      relay = try RelayProcess.start()
    } catch {
      throw error as? SystemCallError ?? SystemCallError("relay", errno: Errno.EAGAIN)
    }
  }

  // MARK: Connections

  private func accept(_ door: Door, _ listener: DoorListener, now: Instant) -> [Effect] {
    var effects: [Effect] = []
    for _ in 0..<Self.turn where mayAccept(door) {
      do throws(SystemCallError) {
        guard let accepted = try listener.socket.accept() else { break }
        door.connections += 1
        effects += connect(
          door.rule, for: .accepted(door, InternetSocketBox(accepted)),
          to: candidates(door.rule, listener.address), now: now)
      } catch {
        if error.errno != Errno.ECONNABORTED { pause = now + Self.acceptPause }
        break
      }
    }
    return effects
  }

  /// Connects to a TCP port of the jail for a client of the control socket.
  func connect(toJail port: UInt16, for client: UInt64, now: Instant) -> [Effect] {
    do throws(SystemCallError) {
      guard pending.count < Self.mostPending else { throw SystemCallError("connect", errno: Errno.EAGAIN) }
      let rule = DoorRule(kind: .published(nil), transport: .stream, outside: 0, inside: port)
      if set == nil { set = try EpollSet(batch: 64) }
      return connect(rule, for: .control(client), to: DoorRule.loopback + guests, now: now)
    } catch {
      return [.connected(client, nil, error.errno)]
    }
  }

  private func connect(
    _ rule: DoorRule, for client: DoorConnection.Client, to candidates: [IPAddress], now: Instant
  ) -> [Effect] {
    let connection = DoorConnection(newToken(), rule, for: client, to: candidates, now: now)
    pending[connection.id] = connection
    return advance(connection, now: now)
  }

  /// No door has all of the room: others still have some.
  private func mayAccept(_ door: Door) -> Bool {
    guard let capacity, pause == nil, pending.count < Self.mostPending,
      pending.count + relayed.count < capacity, door.connections < Self.mostOfDoor
    else { return false }
    return pending.count < Self.mostPendingOfDoor || pendingCount(door) < Self.mostPendingOfDoor
  }

  private func pendingCount(_ door: Door) -> Int {
    pending.values.count { if case .accepted(let other, _) = $0.client { other === door } else { false } }
  }

  /// Those who wait are told of again when there is room.
  private func settleAccepting() {
    for door in doors where door.rule.transport == .stream && door.isOpen {
      let mayAccept = mayAccept(door)
      if mayAccept == door.isAccepting { continue }
      door.isAccepting = mayAccept
      for listener in door.listeners {
        try? set?.change(
          listener.socket.descriptor.rawValue, mayAccept ? .readable : [], token: listener.token)
      }
    }
  }

  /// Where a server may be: first in the family in which somebody came.
  func candidates(_ rule: DoorRule, _ listening: IPAddress) -> [IPAddress] {
    let loopback = listening.family == .ipv6 ? DoorRule.loopback.reversed() : DoorRule.loopback
    return rule.kind == .hostPort ? loopback : loopback + guests
  }

  private func advance(_ connection: DoorConnection, now: Instant) -> [Effect] {
    if let token = connection.token { forget(connection.descriptor, token: token) }
    connection.token = nil
    let outcome = connection.advance(now: now) { (family) throws(SystemCallError) in
      try self.socket(of: connection.rule, family, forServer: true)
    }
    switch outcome {
    case .waiting(let descriptor):
      let token = newToken()
      connection.token = token
      do throws(SystemCallError) {
        try add(descriptor, .writable, .connecting(connection.id), token: token)
        return []
      } catch {
        return end(connection, error.errno, now: now)
      }
    case .thirsty:
      thirsty.append(connection.id)
      return []
    case .connected(let server):
      pending[connection.id] = nil
      return pass(server, connection, now: now)
    case .failed(let error): return end(connection, error, now: now)
    }
  }

  /// Hands it to the relay, or to whoever asked.
  private func pass(
    _ server: InternetSocketBox, _ connection: DoorConnection, now: Instant
  ) -> [Effect] {
    switch connection.client {
    case .control(let client): return [.connected(client, server, 0)]
    case .accepted(let door, let accepted):
      if let relay, relay.join(connection.id, accepted.socket, server.socket) {
        relayed[connection.id] = door
      } else {
        door.connections -= 1
        try? accepted.socket.resetWhenClosed()
        try? server.socket.resetWhenClosed()
        return refused.add(connection.rule, Errno.EAGAIN, now: now)
      }
      return []
    }
  }

  /// Nobody is there. Whoever came sees a reset.
  private func end(_ connection: DoorConnection, _ error: CInt, now: Instant) -> [Effect] {
    drop(connection)
    switch connection.client {
    case .control(let client): return [.connected(client, nil, error)]
    case .accepted: return refused.add(connection.rule, error, now: now)
    }
  }

  private func drop(_ connection: DoorConnection) {
    if let token = connection.token { forget(connection.descriptor, token: token) }
    pending[connection.id] = nil
    if case .accepted(let door, let accepted) = connection.client {
      door.connections -= 1
      try? accepted.socket.resetWhenClosed()
    }
  }

  /// Ends what came by a door.
  func endAll(_ door: Door, now: Instant) {
    for connection in pending.values {
      if case .accepted(let other, _) = connection.client, other === door { drop(connection) }
    }
    for (id, other) in relayed where other === door {
      closing[id] = now + Self.closingTime
      relay?.close(id)
    }
    for flow in flows.values where flow.door === door { remove(flow) }
  }

  /// There are sockets of the jail's again.
  private func supplied(now: Instant) -> [Effect] {
    let waiting = thirsty
    thirsty = []
    return waiting.flatMap { pending[$0].map { advance($0, now: now) } ?? [] }
      + (isSettled ? [] : settle(now: now))
  }

  // MARK: The relay

  private func reported(_ report: RelayReport) {
    switch report {
    case .ready(let capacity): self.capacity = capacity
    case .closed(let id), .refused(let id, _, _):
      relayed.removeValue(forKey: id)?.connections -= 1
      closing[id] = nil
    case .accepted: break
    }
  }

  /// Its connections are over. Another one is not started: whoever brought this one down would do it again.
  private func relayEnded(now: Instant) -> [Effect] {
    guard !relayFailed else { return [] }
    (relayFailed, relay, capacity) = (true, nil, nil)
    relayed = [:]
    closing = [:]
    var effects: [Effect] = []
    for door in doors where door.rule.transport == .stream {
      let error = SystemCallError("relay", errno: Errno.EPIPE)
      close(door, now: now)
      door.fail(error)
      effects.append(.port(.failed(door.rule.name, error)))
    }
    return effects + [.tell("the relay of the ports has ended; nothing passes them any more")]
  }
}
