internal import Linux
internal import Policy

/// A query over UDP in flight: it goes to one resolver after the other, and the first good answer ends it.
///
/// An attempt that is overdue stays open beside the next one: a slow resolver's answer is as good as a quick
/// one's.
final class DNSExchange {
  /// Never another's.
  let id: UInt64
  /// nil if the question is our own.
  let client: SocketAddress?
  let started: Instant
  private let clientID: UInt16
  private var request: DNSRequest
  private let resolvers: [HostFacts.Resolver]
  private let port: UInt16
  private var attempts: [DNSAttempt] = []
  private var attemptCount = 0
  /// The first answer that says failure, for want of a better one.
  private var failure: [UInt8]?

  /// How an exchange ended.
  struct Outcome {
    let response: [UInt8]
    /// Who gave a good answer.
    let resolver: HostFacts.Resolver?
  }

  /// Each resolver is asked once, and while nobody answers at all, datagrams may have been lost: at least so
  /// many in all.
  private static let leastAttempts = 3

  init(
    _ request: DNSRequest, id: UInt64, from client: SocketAddress?, resolvers: [HostFacts.Resolver],
    port: UInt16, now: Instant
  ) {
    self.id = id
    self.client = client
    self.request = request
    self.resolvers = resolvers
    self.port = port
    clientID = request.id
    started = now
    // The client's ID may be easy to guess; together with the kernel's choice of port this one is not (RFC
    // 5452 section 9.2). Signed queries carry their original ID for forwarders that do this (RFC 8945 section
    // 5.1).
    self.request.id = .random(in: .min ... .max)
  }

  /// The name that is asked for, and the addresses in an answer.
  var name: String { request.name }
  func addresses(in response: [UInt8]) -> [IPAddress] {
    DNSAnswer(response[...], from: request.questionEnd).addresses
  }

  /// Adds what it waits for: an answer to any of its attempts.
  func addInterests<Event>(_ event: Event, to interests: inout [Interest<Event>]) {
    for attempt in attempts { interests.append(.readable(attempt.descriptor, event)) }
  }

  /// When `advance` has something to do even if nothing arrived.
  var deadline: Instant { attempts.reduce(started) { max($0, $1.deadline) } }

  /// Takes what arrived and asks whoever is next; nil while the exchange goes on.
  func advance(now: Instant, buffer: inout [UInt8]) -> Outcome? {
    var index = 0
    while index < attempts.count {
      let attempt = attempts[index]
      index += 1
      do throws(SystemCallError) {
        guard let count = try attempt.socket.receive(into: &buffer), request.isAnswered(by: buffer[..<count])
        else { continue }
        if !DNSRequest.isFailure(buffer[..<count]) {
          return Outcome(response: restoringID(buffer[..<count]), resolver: attempt.resolver)
        }
        keep(buffer[..<count])
      } catch {
        // Nobody is there (ECONNREFUSED), or no way leads there: the next resolver does not have to wait for
        // that.
      }
      index -= 1
      attempts.remove(at: index)
    }
    while attempts.allSatisfy({ $0.deadline <= now }) {
      guard mayTryAgain else { return giveUp() }
      tryNext(now: now)
    }
    return nil
  }

  /// The end without a good answer: what a resolver said, or else SERVFAIL, so that the program fails and
  /// does not hang.
  func giveUp() -> Outcome {
    Outcome(response: failure ?? restoringID(request.response(.serverFailure)[...]), resolver: nil)
  }

  private var mayTryAgain: Bool {
    // With no attempt left open, every resolver that was asked has already said or shown that it cannot help.
    attemptCount < resolvers.count
      || failure == nil && !attempts.isEmpty && attemptCount < Self.leastAttempts
  }

  private func tryNext(now: Instant) {
    let resolver = resolvers[attemptCount % resolvers.count]
    attemptCount += 1
    guard let attempt = DNSAttempt(.datagram, resolver, port: port, now: now) else { return }
    do throws(SystemCallError) {
      _ = try attempt.socket.send(request.bytes[...])
      attempts.append(attempt)
    } catch {
      // As when it answers so later.
    }
  }

  private func keep(_ response: ArraySlice<UInt8>) {
    // A failure has few bytes; one that has many is not worth the memory.
    if failure == nil, response.count <= DNSRequest.longest { failure = restoringID(response) }
  }

  private func restoringID(_ response: ArraySlice<UInt8>) -> [UInt8] {
    [UInt8(clientID >> 8), UInt8(clientID & 0xff)] + response.dropFirst(2)
  }
}
