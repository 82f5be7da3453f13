internal import Linux
internal import Policy

/// A client's TCP connection (RFC 7766). Its queries are answered one after the other, in order; whatever
/// else it has sent waits in the kernel. Each goes to a resolver over a connection of its own, and to the
/// next resolver while no byte of an answer has arrived.
final class DNSConnection {
  /// Never another's.
  let id: UInt64
  private let client: InternetSocket
  private let port: UInt16
  private var phase = Phase.reading
  /// When the phase has lasted too long.
  private(set) var deadline: Instant
  /// The query with its length in front, as far as it has come.
  private var query: [UInt8] = []
  /// The answer to the client when no resolver answers.
  private var lastResort: [UInt8] = []
  /// The resolvers that have not been asked.
  private var candidates: ArraySlice<HostFacts.Resolver> = []
  private var upstream: DNSAttempt?
  /// How many bytes of the query the resolver was sent.
  private var sent = 0
  /// What the client has not taken yet: framed like the query.
  private var outgoing: ArraySlice<UInt8> = []
  /// How many bytes of the answer the resolver still has to send, once it has told the length.
  private var rest = 0
  /// The query that is being answered.
  private(set) var request: DNSRequest?
  /// The name that it waits for (`resume`).
  private(set) var awaited: DomainName?
  private let directory: NameDirectory?
  private var effects: [Effect] = []

  private enum Phase { case reading, awaiting, asking, answering }
  /// What ends a connection.
  private struct End: Error {}

  /// How long a connection may stay idle, or one answer take to pass on.
  private static let idleTime = Duration.seconds(10)
  /// The time that a resolver has for its answer once it was reached.
  private static let answerTime = Duration.seconds(3)
  /// How much of an answer is held while the client does not read. Bytes.
  private static let chunk = 16_384

  init(
    _ client: consuming InternetSocket, id: UInt64, port: UInt16, directory: NameDirectory? = nil,
    now: Instant
  ) {
    self.id = id
    self.directory = directory
    self.client = client
    self.port = port
    deadline = now + Self.idleTime
  }

  /// What it waits for; nil if for `resume`.
  func interest<Event>(_ event: Event) -> Interest<Event>? {
    let client = client.descriptor.rawValue
    switch phase {
    case .awaiting: return nil
    case .reading: return .readable(client, event)
    case .asking:
      guard let upstream else { return .writable(client, event) }
      return sent < query.count
        ? .writable(upstream.descriptor, event) : .readable(upstream.descriptor, event)
    case .answering:
      guard outgoing.isEmpty, let upstream else { return .writable(client, event) }
      return .readable(upstream.descriptor, event)
    }
  }

  /// What was asked for and answered since it was called last.
  func takeEffects() -> [Effect] {
    defer { effects = [] }
    return effects
  }

  /// Goes as far as it can without waiting, at most to the end of one query; false when the connection is
  /// over.
  func advance(now: Instant, buffer: inout [UInt8], order: inout ResolverOrder) -> Bool {
    do {
      if now >= deadline {
        guard phase == .asking else { return false }
        upstream = nil
      }
      while try step(now: now, buffer: &buffer, order: &order) {}
      return true
    } catch {
      return false
    }
  }

  /// One step; false when the next one has to wait.
  private func step(now: Instant, buffer: inout [UInt8], order: inout ResolverOrder) throws -> Bool {
    switch phase {
    case .reading: try read(now: now, buffer: &buffer, order: order)
    case .awaiting: false
    case .asking: ask(now: now, buffer: &buffer, order: &order)
    case .answering: try answer(now: now, buffer: &buffer)
    }
  }

  private func read(now: Instant, buffer: inout [UInt8], order: ResolverOrder) throws -> Bool {
    let wanted = query.count < 2 ? 2 : 2 + (Int(query[0]) << 8 | Int(query[1]))
    guard wanted <= 2 + DNSRequest.longest else { throw End() }
    if query.count < wanted {
      guard let count = try client.receive(into: &buffer, limit: wanted - query.count) else { return false }
      // The end of the stream. A client that has only closed its sending half has had all its answers by now.
      if count == 0 { throw End() }
      query += buffer[..<count]
      return true
    }
    do throws(DNSRequest.Rejection) {
      let request = try DNSRequest(query[2...])
      effects.append(.nameAsked(request.name))
      switch directory?.treat(request, now: now) ?? .forward(request) {
      case .forward(let request):
        self.request = request
        query = framed(request.bytes)
        lastResort = request.response(.serverFailure)
        candidates = order.resolvers[...]
        (phase, deadline) = (.asking, now)
      case .respond(let response, let more):
        effects += more
        respond(response, now: now)
      case .serve(let name):
        (self.request, awaited) = (request, name)
        (phase, deadline) = (.awaiting, now + Self.idleTime)
      }
    } catch {
      guard case .respond(let response) = error else { throw End() }
      respond(response, now: now)
    }
    return true
  }

  private func ask(now: Instant, buffer: inout [UInt8], order: inout ResolverOrder) -> Bool {
    guard let upstream else {
      connect(now: now)
      return true
    }
    do throws(SystemCallError) {
      if sent < query.count {
        guard let count = try upstream.socket.send(query[sent...]) else { return false }
        sent += count
        if sent == query.count { deadline = now + Self.answerTime }
        return true
      }
      guard let count = try upstream.socket.receive(into: &buffer, limit: 2 - outgoing.count) else {
        return false
      }
      outgoing += buffer[..<count]
      if count > 0 {
        if outgoing.count == 2 { startAnswer(from: upstream, now: now, order: &order) }
        return true
      }
    } catch {
      // Refused, unreachable or reset.
    }
    self.upstream = nil
    return true
  }

  /// The length is here: from now on this resolver's answer, and no other's, goes to the client.
  private func startAnswer(from upstream: DNSAttempt, now: Instant, order: inout ResolverOrder) {
    order.prefer(upstream.resolver)
    rest = outgoing.reduce(0) { $0 << 8 | Int($1) }
    (phase, deadline) = (.answering, now + Self.idleTime)
  }

  /// Turns to the next resolver, or to the client when there is none.
  private func connect(now: Instant) {
    guard let resolver = candidates.popFirst() else {
      respond(lastResort, now: now)
      return
    }
    upstream = DNSAttempt(.stream, resolver, port: port, now: now)
    (sent, outgoing) = (0, [])
    deadline = upstream?.deadline ?? now
  }

  private func answer(now: Instant, buffer: inout [UInt8]) throws -> Bool {
    if !outgoing.isEmpty {
      guard let count = try client.send(outgoing) else { return false }
      outgoing = outgoing.dropFirst(count)
      return true
    }
    if rest > 0, let upstream {
      guard let count = try upstream.socket.receive(into: &buffer, limit: min(rest, Self.chunk)) else {
        return false
      }
      if count == 0 { throw End() }
      rest -= count
      outgoing = Array(buffer[..<count])[...]
      learn(outgoing)
      return true
    }
    (phase, deadline) = (.reading, now + Self.idleTime)
    (query, outgoing, upstream) = ([], [], nil)
    return false
  }

  /// Only of an answer's first part: what comes later does not tell where its records begin.
  private func learn(_ message: ArraySlice<UInt8>) {
    guard let request = request.take(), request.isAnswered(by: message) else { return }
    let addresses = DNSAnswer(message, from: request.questionEnd).addresses
    if !addresses.isEmpty { effects.append(.nameAnswered(request.name, addresses)) }
  }

  /// The answer to what it waits for.
  func resume(_ response: [UInt8], now: Instant) {
    (request, awaited) = (nil, nil)
    respond(response, now: now)
  }

  private func framed(_ message: [UInt8]) -> [UInt8] {
    [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
  }

  private func respond(_ response: [UInt8], now: Instant) {
    outgoing = framed(response)[...]
    rest = 0
    (phase, deadline) = (.answering, now + Self.idleTime)
  }
}
