internal import Linux
internal import Policy

/// The jail's DNS server: it forwards queries, as they are, to the host's resolvers from the host's network
/// namespace.
///
/// It caches nothing and reads no record. What it holds is bounded by what may be in flight; above that,
/// queries wait in the kernel's socket buffers, so that a burst is served late and not refused. One client's
/// trouble ends that client's exchange and nothing else.
struct DNSForwarder: ~Copyable {
  private let udp: InternetSocket
  private let tcp: InternetSocket
  private let port: UInt16
  private var order: ResolverOrder
  /// Oldest first.
  private var exchanges: [DNSExchange] = []
  private var connections: [DNSConnection] = []
  /// Every message passes through this one buffer.
  private var buffer = [UInt8](repeating: 0, count: 65_536)
  /// Until when no connection is accepted because accepting one failed. Monotonic milliseconds.
  private var pausedUntil: Int?

  static let mostExchanges = 128
  static let mostConnections = 32
  /// How many datagrams are read before others get their turn.
  private static let batch = 32
  private static let pause = 100

  /// `port` is where the resolvers listen.
  init(
    udp: consuming FileDescriptor, tcp: consuming FileDescriptor, resolvers: [HostFacts.Resolver],
    port: UInt16 = 53
  ) {
    self.udp = InternetSocket(udp)
    self.tcp = InternetSocket(tcp)
    self.port = port
    order = ResolverOrder(resolvers)
  }

  /// Follows the host's configuration. What is in flight ends as it began.
  mutating func use(_ resolvers: [HostFacts.Resolver]) { order.use(resolvers) }

  /// What to wait for now.
  var interests: [Interest] {
    var interests = exchanges.flatMap(\.interests) + connections.map(\.interest)
    if exchanges.count < Self.mostExchanges { interests.append(.readable(udp.descriptor.rawValue)) }
    if pausedUntil == nil, connections.count < Self.mostConnections {
      interests.append(.readable(tcp.descriptor.rawValue))
    }
    return interests
  }

  /// When `handle` has something to do even if nothing is ready; nil if nothing is in flight. Monotonic
  /// milliseconds.
  var deadline: Int? {
    let deadlines = exchanges.map(\.deadline) + connections.map(\.deadline)
    return (deadlines + [pausedUntil, whenToMakeRoom].compactMap { $0 }).min()
  }

  /// Whether a question waits to be read.
  func isAsked(ready: Set<CInt>) -> Bool {
    ready.contains(udp.descriptor.rawValue) || ready.contains(tcp.descriptor.rawValue)
  }

  /// Does what can be done without waiting.
  mutating func handle(ready: Set<CInt>, now: Int) {
    if let end = pausedUntil, end <= now { pausedUntil = nil }
    continueExchanges(ready: ready, now: now)
    continueConnections(ready: ready, now: now)
    if ready.contains(udp.descriptor.rawValue) { takeQueries(now: now) }
    if ready.contains(tcp.descriptor.rawValue) { takeConnections(now: now) }
  }

  private mutating func continueExchanges(ready: Set<CInt>, now: Int) {
    var pending: [DNSExchange] = []
    for exchange in exchanges {
      if let outcome = exchange.advance(ready: ready, now: now, buffer: &buffer) {
        finish(exchange, outcome)
      } else {
        pending.append(exchange)
      }
    }
    exchanges = pending
    if let time = whenToMakeRoom, time <= now {
      let oldest = exchanges.removeFirst()
      finish(oldest, oldest.giveUp())
    }
  }

  /// While the most exchanges are in flight, the oldest is given up once it is overdue, so that dead names do
  /// not keep all others waiting.
  private var whenToMakeRoom: Int? {
    exchanges.count < Self.mostExchanges ? nil : exchanges.first.map { $0.started + DNSAttempt.patience }
  }

  private mutating func finish(_ exchange: DNSExchange, _ outcome: DNSExchange.Outcome) {
    if let resolver = outcome.resolver { order.prefer(resolver) }
    send(outcome.response, to: exchange.client)
  }

  private mutating func continueConnections(ready: Set<CInt>, now: Int) {
    var open: [DNSConnection] = []
    for connection in connections {
      let isConcerned = ready.contains(connection.interest.descriptor) || connection.deadline <= now
      if !isConcerned || connection.advance(now: now, buffer: &buffer, order: &order) {
        open.append(connection)
      }
    }
    connections = open
  }

  private mutating func takeQueries(now: Int) {
    for _ in 0..<Self.batch where exchanges.count < Self.mostExchanges {
      do throws(SystemCallError) {
        guard let (count, client) = try udp.receiveDatagram(into: &buffer) else { return }
        take(buffer[..<count], from: client, now: now)
      } catch {
        // An error of an earlier datagram, which this call has cleared.
      }
    }
  }

  private mutating func take(_ message: ArraySlice<UInt8>, from client: SocketAddress, now: Int) {
    do throws(DNSRequest.Rejection) {
      let request = try DNSRequest(message)
      let exchange = DNSExchange(request, from: client, resolvers: order.resolvers, port: port, now: now)
      if let outcome = exchange.advance(ready: [], now: now, buffer: &buffer) {
        finish(exchange, outcome)
      } else {
        exchanges.append(exchange)
      }
    } catch {
      if case .respond(let response) = error { send(response, to: client) }
    }
  }

  private mutating func takeConnections(now: Int) {
    do throws(SystemCallError) {
      while connections.count < Self.mostConnections, let client = try tcp.accept() {
        connections.append(DNSConnection(client, port: port, now: now))
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
