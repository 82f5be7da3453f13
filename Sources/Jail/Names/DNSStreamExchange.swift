internal import Linux
internal import Policy

/// A query of our own over TCP, whose answer was too long for a datagram: it goes to one resolver after the other.
final class DNSStreamExchange {
  private var request: DNSRequest
  private let port: UInt16
  private var candidates: ArraySlice<HostFacts.Resolver>
  private var upstream: DNSAttempt?
  /// What the resolver has not taken yet: the query behind its length.
  private var outgoing: ArraySlice<UInt8> = []
  /// What has come of the answer and its length.
  private var incoming: [UInt8] = []
  /// When the next resolver is asked.
  private(set) var deadline: Instant

  /// The time that a resolver has for its answer once it has the query.
  private static let patience = Duration.seconds(3)

  init(_ request: DNSRequest, resolvers: [HostFacts.Resolver], port: UInt16, now: Instant) {
    self.request = request
    self.request.id = .random(in: .min ... .max)
    self.port = port
    candidates = resolvers[...]
    deadline = now
  }

  func addInterests<Event>(_ event: Event, to interests: inout [Interest<Event>]) {
    guard let upstream else { return }
    interests.append(
      outgoing.isEmpty ? .readable(upstream.descriptor, event) : .writable(upstream.descriptor, event))
  }

  /// Goes as far as it can without waiting; nil while the exchange goes on.
  func advance(now: Instant, buffer: inout [UInt8]) -> DNSExchange.Outcome? {
    if now >= deadline { upstream = nil }
    while true {
      guard let upstream else {
        guard connect(now: now) else {
          return DNSExchange.Outcome(response: request.response(.serverFailure), resolver: nil)
        }
        continue
      }
      do throws(SystemCallError) {
        guard try step(upstream, now: now, buffer: &buffer) else { return nil }
      } catch {
        // Refused, unreachable or reset.
        self.upstream = nil
      }
      if let answer { return DNSExchange.Outcome(response: answer, resolver: upstream.resolver) }
    }
  }

  /// Whether there is a resolver left to turn to.
  private func connect(now: Instant) -> Bool {
    guard let resolver = candidates.popFirst() else { return false }
    upstream = DNSAttempt(.stream, resolver, port: port, now: now)
    let count = request.bytes.count
    outgoing = [UInt8(count >> 8), UInt8(count & 0xff)] + request.bytes[...]
    incoming = []
    deadline = upstream?.deadline ?? now
    return true
  }

  /// false when the next step has to wait.
  private func step(
    _ upstream: DNSAttempt, now: Instant, buffer: inout [UInt8]
  ) throws(SystemCallError) -> Bool {
    if !outgoing.isEmpty {
      guard let count = try upstream.socket.send(outgoing) else { return false }
      outgoing = outgoing.dropFirst(count)
      if outgoing.isEmpty { deadline = now + Self.patience }
      return true
    }
    let limit = incoming.count < 2 ? 2 : 2 + Int(incoming.word(at: 0))
    guard limit > incoming.count,
      let count = try upstream.socket.receive(into: &buffer, limit: limit - incoming.count)
    else {
      // All is there, and it was no answer.
      if limit == incoming.count { self.upstream = nil }
      return limit == incoming.count
    }
    if count == 0 { self.upstream = nil }
    incoming += buffer[..<count]
    return true
  }

  /// The answer, once it is whole. A failure leaves it to the next resolver.
  private var answer: [UInt8]? {
    guard incoming.count > 2, incoming.count == 2 + Int(incoming.word(at: 0)) else { return nil }
    let message = incoming[2...]
    return request.isAnswered(by: message) && !DNSRequest.isFailure(message) ? Array(message) : nil
  }
}
