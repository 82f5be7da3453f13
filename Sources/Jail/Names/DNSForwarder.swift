internal import Linux
internal import Policy

/// The jail's DNS server: it forwards queries, as they are, to the host's resolvers from the host's network
/// namespace.
///
/// It caches nothing, and what it reads of records is for people only. What it holds is bounded by what may be in flight; above that,
/// queries wait in the kernel's socket buffers, so that a burst is served late and not refused. One client's
/// trouble ends that client's exchange and nothing else.
struct DNSForwarder: ~Copyable, Service {
  /// What it waits for. Exchanges and connections have numbers that are never used again.
  enum Event: Equatable {
    /// Questions over UDP can be read.
    case queries
    /// Somebody wants to ask over TCP.
    case clients
    /// A resolver answered.
    case exchange(UInt64)
    /// A connection can go on.
    case connection(UInt64)
    /// A resolver answered a question of our own.
    case lookup(UInt64)

    /// Whether somebody asks.
    var isQuestion: Bool { self == .queries || self == .clients }
  }

  private let udp: InternetSocket
  private let tcp: InternetSocket
  private let port: UInt16
  private var order: ResolverOrder
  /// Oldest first.
  private var exchanges: [DNSExchange] = []
  private var connections: [DNSConnection] = []
  /// What is asked of a jail's names; nil of one that has the host's alone.
  private let directory: NameDirectory?
  private var lookups: NameLookups
  /// Questions over UDP for names that are being looked up.
  private var questions: [(request: DNSRequest, client: SocketAddress, name: DomainName)] = []
  /// How many exchanges, lookups and connections there have been.
  private var count: UInt64 = 0
  /// Every message passes through this one buffer.
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  /// Until when no connection is accepted because accepting one failed.
  private var pausedUntil: Instant?
  /// What was asked for and answered since the last `handle`.
  private var effects: [Effect] = []

  static let mostExchanges = 128
  static let mostConnections = 32
  static let mostLookups = 64
  /// The same where this process may have few descriptors: what follows host and configuration needs some, whatever the jail asks.
  private let limits: (exchanges: Int, connections: Int, lookups: Int)
  private static let spareDescriptors = 64
  /// How many datagrams are read before others get their turn.
  private static let batch = 32
  private static let pause = Duration.milliseconds(100)

  /// `port` is where the resolvers listen, `descriptors` how many this process may have for it.
  init(
    udp: consuming FileDescriptor, tcp: consuming FileDescriptor, resolvers: [HostFacts.Resolver],
    port: UInt16 = 53, directory: NameDirectory? = nil, descriptors: Int = Process.descriptorLimit
  ) {
    self.udp = InternetSocket(udp)
    self.tcp = InternetSocket(tcp)
    self.port = port
    order = ResolverOrder(resolvers)
    limits = Self.limits(descriptors: descriptors)
    self.directory = directory
    lookups = NameLookups(most: limits.lookups)
  }

  /// A connection has two descriptors, an exchange one for each attempt, a lookup is two exchanges.
  static func limits(descriptors: Int) -> (exchanges: Int, connections: Int, lookups: Int) {
    let room = max(0, descriptors - spareDescriptors)
    let connections = min(mostConnections, max(1, room / 8))
    let exchanges = min(mostExchanges, max(1, (room - 2 * connections) / 7))
    return (exchanges, connections, min(mostLookups, max(1, (room - 2 * connections - 4 * exchanges) / 6)))
  }

  /// Follows the host's configuration. What is in flight ends as it began.
  mutating func use(_ resolvers: [HostFacts.Resolver]) { order.use(resolvers) }

  var interests: [Interest<Event>] {
    var interests: [Interest<Event>] = []
    interests.reserveCapacity(exchanges.count + connections.count + 2)
    for exchange in exchanges { exchange.addInterests(.exchange(exchange.id), to: &interests) }
    for connection in connections {
      if let interest = connection.interest(Event.connection(connection.id)) { interests.append(interest) }
    }
    lookups.addInterests(Event.lookup, to: &interests)
    if hasRoom {
      interests.append(.readable(udp.descriptor.rawValue, .queries))
    }
    if pausedUntil == nil, connections.count < limits.connections {
      interests.append(.readable(tcp.descriptor.rawValue, .clients))
    }
    return interests
  }

  /// Whether one more question can be taken.
  private var hasRoom: Bool { exchanges.count + questions.count < limits.exchanges }

  /// nil if nothing is in flight.
  var deadline: Instant? {
    var deadline = pausedUntil
    func consider(_ moment: Instant) { deadline = min(deadline ?? moment, moment) }
    for exchange in exchanges { consider(exchange.deadline) }
    for connection in connections { consider(connection.deadline) }
    if let whenToMakeRoom { consider(whenToMakeRoom) }
    if let moment = lookups.deadline { consider(moment) }
    return deadline
  }

  /// Does what can be done without waiting.
  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    switch event {
    case .queries: takeQueries(now: now)
    case .clients: takeConnections(now: now)
    case .exchange(let id): continueExchanges(now: now) { $0.id == id }
    case .connection(let id): continueConnections(now: now) { $0.id == id }
    case .lookup(let id): continueLookups(now: now) { $0.id == id }
    case nil:
      if let end = pausedUntil, end <= now { pausedUntil = nil }
      continueExchanges(now: now) { $0.deadline <= now }
      continueConnections(now: now) { $0.deadline <= now }
      continueLookups(now: now) { $0.deadline <= now }
      makeRoom(now: now)
    }
    return takeEffects()
  }

  private mutating func takeEffects() -> [Effect] {
    defer { effects = [] }
    return effects
  }

  private mutating func continueExchanges(now: Instant, where isConcerned: (DNSExchange) -> Bool) {
    var index = 0
    while index < exchanges.count {
      let exchange = exchanges[index]
      if isConcerned(exchange), let outcome = exchange.advance(now: now, buffer: &buffer) {
        exchanges.remove(at: index)
        finish(exchange, outcome)
      } else {
        index += 1
      }
    }
  }

  /// While the most exchanges are in flight, the oldest is given up once it is overdue, so that dead names do
  /// not keep all others waiting.
  private var whenToMakeRoom: Instant? {
    hasRoom ? nil : exchanges.first.map { $0.started + DNSAttempt.patience }
  }

  private mutating func makeRoom(now: Instant) {
    guard let time = whenToMakeRoom, time <= now else { return }
    let oldest = exchanges.removeFirst()
    finish(oldest, oldest.giveUp())
  }

  private mutating func finish(_ exchange: DNSExchange, _ outcome: DNSExchange.Outcome) {
    if let resolver = outcome.resolver {
      order.prefer(resolver)
      tell(exchange.name, exchange.addresses(in: outcome.response))
    }
    if let client = exchange.client { send(outcome.response, to: client) }
  }

  private mutating func tell(_ name: String, _ addresses: [IPAddress]) {
    if !addresses.isEmpty { effects.append(.nameAnswered(name, addresses)) }
  }

  private mutating func continueConnections(now: Instant, where isConcerned: (DNSConnection) -> Bool) {
    var index = 0
    while index < connections.count {
      let connection = connections[index]
      guard isConcerned(connection) else {
        index += 1
        continue
      }
      let goesOn = connection.advance(now: now, buffer: &buffer, order: &order)
      effects += connection.takeEffects()
      if goesOn { index += 1 } else { connections.remove(at: index) }
      if goesOn, let name = connection.awaited { lookUp(name, now: now) }
    }
  }

  /// Looks a name up for whoever connects to it. What became of it (`Effect.nameFound`) is said now or later.
  mutating func find(_ name: DomainName, now: Instant) -> [Effect] {
    lookUp(name, now: now)
    return takeEffects()
  }

  private mutating func lookUp(_ name: DomainName, now: Instant) {
    guard let directory else { return }
    if let known = directory.addresses(of: name, now: now) {
      effects.append(.nameFound(name, .addresses(known)))
    } else if let listed = directory.addressesInFile(of: name) {
      finish(NameLookup.Outcome(name: name, result: .addresses(listed)), directory, now: now)
    } else if lookups.want(name) {
      startLookups(directory, now: now)
    } else {
      finish(NameLookup.Outcome(name: name, result: .failed), directory, now: now)
    }
  }

  private mutating func startLookups(_ directory: NameDirectory, now: Instant) {
    while let name = lookups.next() {
      let lookup = NameLookup(name, id: nextID(), resolvers: order.resolvers, port: port, now: now)
      if let outcome = lookup.advance(now: now, buffer: &buffer, order: &order) {
        finish(outcome, directory, now: now)
      } else {
        lookups.start(lookup)
      }
    }
  }

  private mutating func continueLookups(now: Instant, where isConcerned: (NameLookup) -> Bool) {
    guard let directory else { return }
    let outcomes = lookups.advance(now: now, buffer: &buffer, order: &order, where: isConcerned)
    for outcome in outcomes { finish(outcome, directory, now: now) }
    startLookups(directory, now: now)
  }

  /// Answers whoever waits for it. Only then does the name have an address, without which nothing is kept of it.
  private mutating func finish(_ outcome: NameLookup.Outcome, _ directory: NameDirectory, now: Instant) {
    let name = outcome.name
    for question in questions where question.name == name {
      let (response, more) = directory.answer(question.request, name, outcome.result)
      effects += more
      send(response, to: question.client)
    }
    questions.removeAll { $0.name == name }
    for connection in connections where connection.awaited == name {
      guard let request = connection.request else { continue }
      let (response, more) = directory.answer(request, name, outcome.result)
      effects += more
      connection.resume(response, now: now)
    }
    if case .addresses(let found) = outcome.result, !found.isEmpty {
      directory.keep(found, of: name, until: now + .seconds(Self.time(outcome.timeToLive)))
      tell(name.text, found)
      effects += directory.tellUnusable(name, found)
    }
    effects.append(.nameFound(name, outcome.result))
  }

  /// Seconds for which addresses are known. Those of a name whose records hold for none still serve the connection that follows the answer,
  /// and a flood of questions asks once a second; a change that was announced badly is followed within minutes.
  private static func time(_ timeToLive: UInt32) -> Int { Int(min(max(timeToLive, 1), 300)) }

  private mutating func nextID() -> UInt64 {
    count += 1
    return count
  }

  private mutating func takeQueries(now: Instant) {
    for _ in 0..<Self.batch where hasRoom {
      do throws(SystemCallError) {
        guard let (count, client) = try udp.receiveDatagram(into: &buffer) else { return }
        take(buffer[..<count], from: client, now: now)
      } catch {
        // An error of an earlier datagram, which this call has cleared.
      }
    }
  }

  private mutating func take(_ message: ArraySlice<UInt8>, from client: SocketAddress, now: Instant) {
    do throws(DNSRequest.Rejection) {
      let request = try DNSRequest(message)
      effects.append(.nameAsked(request.name))
      switch directory?.treat(request, now: now) ?? .forward(request) {
      case .forward(let request): forward(request, from: client, now: now)
      case .respond(let response, let more):
        effects += more
        send(response, to: client)
      case .serve(let name):
        questions.append((request, client, name))
        lookUp(name, now: now)
      }
    } catch {
      if case .respond(let response) = error { send(response, to: client) }
    }
  }

  private mutating func forward(_ request: DNSRequest, from client: SocketAddress, now: Instant) {
    let exchange = DNSExchange(
      request, id: nextID(), from: client, resolvers: order.resolvers, port: port, now: now)
    if let outcome = exchange.advance(now: now, buffer: &buffer) {
      finish(exchange, outcome)
    } else {
      exchanges.append(exchange)
    }
  }

  private mutating func takeConnections(now: Instant) {
    do throws(SystemCallError) {
      while connections.count < limits.connections, let client = try tcp.accept() {
        connections.append(DNSConnection(client, id: nextID(), port: port, directory: directory, now: now))
      }
    } catch {
      // No descriptor left (EMFILE), no memory: the socket stays ready, and waiting for it would not be
      // waiting.
      pausedUntil = now + Self.pause
    }
  }

  private func send(_ response: [UInt8], to client: SocketAddress) {
    do throws(SystemCallError) {
      try udp.send(response, to: client)
    } catch {
      // A client that has gone, or does not read: datagrams may get lost.
    }
  }
}
