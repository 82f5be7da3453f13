internal import Linux
internal import Policy
internal import Record

/// Decides about each connection of the jail to a name, before its handshake goes on.
///
/// The first packet of a connection waits here until the name has been reached, so that a peer which refuses, cannot be reached or does
/// not answer is to the program what it would be without a jail. No byte of a connection passes: that is the relay's, which gets two
/// kinds of sockets, those that listen and those that are connected already, and can make none.
///
/// All packets are hostile. They cost tokens, so that a flood of them takes no more than a part of the time; what they can make the
/// supervisor hold is bounded by `ConnectionTable`, `NamePorts` and `mostSockets`.
struct NameGateway: ~Copyable, Service {
  enum Event: Equatable {
    case packets
    /// Something has become of a connect(2) for this connection.
    case upstream(UInt64)
  }

  private let link: NamesLink
  private let jailIndex: UInt32
  private var ports: NamePorts
  private let directory: NameDirectory
  /// A service of its own, whose reports come back by `reported`.
  private let relay: RelayLink
  private let senders: SenderSearch?
  private let socketAddress: (IPAddress, UInt16) -> SocketAddress?
  /// Those of the host's resolv.conf: a program may leave them out of what it speaks.
  private var searchDomains: [DomainName]
  private var table = ConnectionTable()
  /// How many connections there can be.
  private let capacity: Int
  private var bucket: TokenBucket
  /// While the bucket is empty, until when nothing is read.
  private var pausedUntil: Instant?
  private var buffer = [UInt8](repeating: 0, count: longestFrame)

  /// Of a link with Ethernet's MTU. Bytes.
  private static let longestFrame = 1514
  /// Tokens a second: packets.
  private static let rate = 10_000
  private static let burst = 2000
  /// What a refusal costs: whoever asked is searched for.
  private static let refusalCost = 10
  /// How many are read before others have their turn.
  private static let turn = 32
  /// How many sockets may be open for attempts, before a connection has to do with one.
  private let mostSockets = Self.mostSockets(descriptors: Process.descriptorLimit)

  /// So long the relay has to say that it has closed what it was told to. One that does not obey ends, and all that it has open with
  /// it; one that was taken over could lie.
  private static let closingTime = Duration.seconds(10)

  /// `socketAddress` is where an address is, which differs in tests.
  init(
    _ sockets: consuming NamesSockets, _ directory: NameDirectory, _ relay: RelayLink,
    senders: SenderSearch?, searchDomains: [DomainName], capacity: Int, now: Instant,
    socketAddress: @escaping (IPAddress, UInt16) -> SocketAddress? = { SocketAddress($0.bytes, port: $1) }
  ) {
    jailIndex = sockets.jailIndex
    ports = NamePorts(sockets.stock, heldIndex: sockets.heldIndex, routing: sockets.routing)
    link = NamesLink(
      packets: sockets.packets, held: sockets.held, gateway: sockets.gateway, jail: sockets.jail)
    self.directory = directory
    self.senders = senders
    self.searchDomains = searchDomains
    self.capacity = min(capacity, ConnectionTable.most)
    self.socketAddress = socketAddress
    self.relay = relay
    bucket = TokenBucket(rate: Self.rate, burst: Self.burst, now: now)
  }

  private static func mostSockets(descriptors: Int) -> Int { min(320, max(8, descriptors / 4)) }

  /// How many descriptors it may have, of as many as this process may.
  static func share(of descriptors: Int) -> Int { mostSockets(descriptors: descriptors) + NamePorts.most }

  /// How many descriptors this process should be able to have where there is a gateway.
  static let wantedDescriptors = 2048

  /// How many connections there are, held ones included.
  var connectionCount: Int { table.count }

  var interests: [Interest<Event>] {
    var interests: [Interest<Event>] = []
    if pausedUntil == nil { interests.append(.readable(link.descriptor, .packets)) }
    for connection in table.held {
      if case .connecting(let connector) = connection.phase {
        interests += connector.interests(.upstream(connection.id))
      }
    }
    return interests
  }

  var deadline: Instant? {
    (table.held.map(\.deadline) + [pausedUntil, table.closing].compactMap { $0 }).min()
  }

  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    if let end = pausedUntil, end <= now { pausedUntil = nil }
    switch event {
    case .packets: return receive(now: now)
    case .upstream(let id): return table.held(id).map { advance($0, now: now) } ?? []
    case nil:
      if let end = table.closing, end <= now {
        return [.namesCut("the relay keeps a connection open that is not allowed any more")]
      }
      return table.held.filter { $0.deadline <= now }.flatMap { pass($0, now: now) }
    }
  }

  /// The end of the jail: nobody waits for what the kernel takes its time to close.
  consuming func release() { try? FileDescriptor.closeInBackground(link.release()) }
}

// MARK: - Packets

extension NameGateway {
  private mutating func receive(now: Instant) -> [Effect] {
    var effects: [Effect] = []
    for _ in 0..<Self.turn where pausedUntil == nil {
      guard bucket.take(now: now) else {
        pausedUntil = bucket.whenHalfFull
        break
      }
      guard let received = try? link.receive(into: &buffer) else { continue }
      switch received {
      case .nothing: return effects
      case .noise: continue
      case .packet(let packet, let header): effects += asked(packet, header, now: now)
      }
    }
    return effects
  }

  private mutating func asked(_ packet: [UInt8], _ header: RefusedHeader, now: Instant) -> [Effect] {
    let addresses = directory.plan.addresses
    guard header.source == addresses.own, addresses.pool.contains(header.destination) else { return [] }
    guard header.protocolNumber == RefusedHeader.tcp else {
      // What may be tried over TCP instead is: QUIC is.
      link.answer(packet, header, header.isEcho ? .prohibited : .port)
      return []
    }
    guard let syn = HeldSYN(packet, header) else { return [] }
    if let known = table.latest(syn.flow) {
      if known.syn.sequence == syn.sequence {
        known.repeated(now: now)
        if case .announced = known.phase { link.proceed(syn) }
        return []
      }
      // Another connection with the same ports: nobody has the former any more.
      giveUp(known, now: now)
    }
    return begin(syn, now: now)
  }

  /// An open one ends by itself: its socket in the jail has gone.
  private mutating func giveUp(_ connection: NamedConnection, now: Instant) {
    switch connection.phase {
    case .resolving, .connecting: table.remove(connection)
    case .announced: close(connection, now: now)
    case .open, .closing: table.forget(connection)
    }
  }

  private mutating func begin(_ syn: HeldSYN, now: Instant) -> [Effect] {
    guard let name = directory.name(at: syn.flow.address) else {
      let sender = search(syn)
      link.answer(syn.packet, syn.header, .prohibited)
      return [
        .refused(
          RefusedPacket(
            destination: syn.flow.address, protocolNumber: RefusedHeader.tcp, port: syn.flow.port,
            sender: sender))
      ]
    }
    let rule = directory.plan.rule(name, port: syn.flow.port)
    guard let rule, rule.action == .allow else { return refuse(syn, name, .notAllowed(rule)) }
    guard ports.mayOpen(syn.flow.port) else { return refuse(syn, name, .tooManyPorts) }
    guard table.count < capacity else { return refuse(syn, name, .tooManyConnections) }
    guard table.mayHold(name) else { return [] }
    let isWanted = table.held.contains { $0.isResolving && $0.name == name }
    let connection = table.hold(syn, name, now: now)
    if let addresses = directory.addresses(of: name, now: now) {
      return connect(connection, addresses, now: now)
    }
    return isWanted ? [] : [.nameWanted(name)]
  }

  private mutating func refuse(
    _ syn: HeldSYN, _ name: DomainName, _ reason: RefusedConnection.Reason,
    _ answer: ICMPRefusal.Reason = .prohibited
  ) -> [Effect] {
    let sender = search(syn)
    link.answer(syn.packet, syn.header, answer)
    return [
      .connectionRefused(RefusedConnection(name: name, port: syn.flow.port, reason: reason, sender: sender))
    ]
  }

  /// Before the answer: whoever waits for it is still there.
  private mutating func search(_ syn: HeldSYN) -> RefusedPacket.Sender {
    bucket.spend(Self.refusalCost)
    return senders?.sender(of: syn.packet, syn.header, link: jailIndex) ?? .unknown
  }
}

// MARK: - Where names lead

extension NameGateway {
  /// What became of a lookup that `Effect.nameWanted` asked for.
  mutating func found(_ name: DomainName, _ result: NameResult, now: Instant) -> [Effect] {
    let addresses: [IPAddress] = if case .addresses(let addresses) = result { addresses } else { [] }
    return table.held.flatMap { connection -> [Effect] in
      guard connection.isResolving, connection.name == name else { return [] }
      return connect(connection, addresses, now: now)
    }
  }

  private mutating func connect(
    _ connection: NamedConnection, _ addresses: [IPAddress], now: Instant
  ) -> [Effect] {
    connection.phase = .connecting(
      Connector(addresses, port: connection.syn.flow.port, now: now, socketAddress: socketAddress))
    return advance(connection, now: now)
  }

  /// The time of one that is held has come.
  private mutating func pass(_ connection: NamedConnection, now: Instant) -> [Effect] {
    if connection.abandonment <= now {
      table.remove(connection)
      return []
    }
    return advance(connection, now: now)
  }

  private mutating func advance(_ connection: NamedConnection, now: Instant) -> [Effect] {
    guard case .connecting(let connector) = connection.phase else { return [] }
    guard let rule = allowingRule(connection) else { return drop(connection, now: now) }
    let plan = directory.plan
    let outcome = connector.advance(now: now, hasRoom: socketCount < mostSockets) {
      plan.decide($0, port: $1, for: rule)
    }
    switch outcome {
    case .waiting: return []
    case .connected(let attempt): return announce(connection, attempt)
    case .failed(let failure):
      table.remove(connection)
      return fail(connection.syn, connection.name, failure)
    }
  }

  private var socketCount: Int {
    table.held.reduce(0) {
      if case .connecting(let connector) = $1.phase { $0 + connector.count } else { $0 }
    }
  }

  private mutating func fail(_ syn: HeldSYN, _ name: DomainName, _ failure: ConnectFailure) -> [Effect] {
    switch failure {
    case .refused: link.answer(TCPReset.refusal(of: syn))
    // The program's own time runs out as well.
    case .timedOut: break
    case .hostUnreachable: link.answer(syn.packet, syn.header, .host)
    case .networkUnreachable: link.answer(syn.packet, syn.header, .network)
    case .closed(let address, let rule):
      // As programs are told where a family has no way out.
      return refuse(
        syn, name, .closedAddress(address, rule), rule.origin == .noInternet ? .network : .prohibited)
    }
    return []
  }
}

// MARK: - The relay

extension NameGateway {
  /// Orders come before what they are about: the relay reads them before it accepts.
  private mutating func announce(_ connection: NamedConnection, _ attempt: ConnectAttempt) -> [Effect] {
    let flow = connection.syn.flow
    guard ports.mayOpen(flow.port) else {
      table.remove(connection)
      return refuse(connection.syn, connection.name, .tooManyPorts)
    }
    do {
      try ports.open(flow.port, relay)
      let names = directory.spoken(connection.name, search: searchDomains)
      guard relay.send(.connect(id: connection.id, flow, names: names), attempt.socket.descriptor) else {
        throw RelayIsBusy()
      }
    } catch {
      table.remove(connection)
      return refuse(connection.syn, connection.name, .failure("\(error)"), .host)
    }
    connection.address = attempt.address
    connection.phase = .announced
    table.pass(connection)
    link.proceed(connection.syn)
    return []
  }

  /// What the relay says.
  mutating func reported(_ report: RelayReport) -> [Effect] {
    switch report {
    // It has been, since the launch.
    case .ready: break
    case .accepted(let id):
      if let connection = table.relayed(id), case .announced = connection.phase { connection.phase = .open }
    case .closed(let id):
      if let connection = table.relayed(id) { table.remove(connection) }
    case .refused(let id, let refusal, let spoken):
      guard let connection = table.relayed(id) else { return [] }
      let sender = search(connection.syn)
      table.remove(connection)
      let text = String(decoding: spoken.utf8.prefix(253), as: UTF8.self)
      return [
        .connectionRefused(
          RefusedConnection(
            name: connection.name, port: connection.syn.flow.port, reason: .spoken(refusal, text),
            sender: sender))
      ]
    }
    return []
  }

  /// Ends one that the relay knows of.
  private mutating func close(_ connection: NamedConnection, now: Instant) {
    table.forget(connection)
    connection.phase = .closing(by: now + Self.closingTime)
    relay.close(connection.id)
  }
}

// MARK: - What changes

extension NameGateway {
  /// Decides about each connection again, by the plan that the directory has now.
  mutating func followPlan(now: Instant) -> [Effect] {
    let plan = directory.plan
    return table.all.flatMap { connection -> [Effect] in
      guard let rule = allowingRule(connection) else { return drop(connection, now: now) }
      switch connection.phase {
      case .resolving, .closing: return []
      case .connecting(let connector):
        connector.keep { plan.decide($0, port: $1, for: rule) }
        return advance(connection, now: now)
      case .announced, .open:
        let isAllowed =
          connection.address.map { plan.decide($0, port: connection.syn.flow.port, for: rule).allowed }
        if isAllowed != true { close(connection, now: now) }
        return []
      }
    }
  }

  /// The host's resolv.conf has changed.
  mutating func use(searchDomains: [DomainName]) { self.searchDomains = searchDomains }

  private func allowingRule(_ connection: NamedConnection) -> DomainRule? {
    directory.plan.rule(connection.name, port: connection.syn.flow.port).flatMap {
      $0.action == .allow ? $0 : nil
    }
  }

  /// Ends one that is not allowed any more.
  private mutating func drop(_ connection: NamedConnection, now: Instant) -> [Effect] {
    switch connection.phase {
    case .resolving, .connecting:
      table.remove(connection)
      let rule = directory.plan.rule(connection.name, port: connection.syn.flow.port)
      return refuse(connection.syn, connection.name, .notAllowed(rule))
    case .announced, .open: close(connection, now: now)
    case .closing: break
    }
    return []
  }
}
