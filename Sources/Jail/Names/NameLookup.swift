internal import Linux
internal import Policy

/// What the host's resolvers say of one name: A and AAAA are asked for at once, and both answers count.
final class NameLookup {
  let name: DomainName
  let id: UInt64
  let started: Instant
  private let resolvers: [HostFacts.Resolver]
  private let port: UInt16
  private var parts: [Part] = []
  /// How long the other family may still take once one has addresses.
  private var end: Instant?

  /// Resolvers exist that never answer for AAAA.
  private static let patience = Duration.milliseconds(300)

  /// One family's question.
  private struct Part {
    let type: DNSType
    var phase: Phase
    var found = Found.failed
  }

  private enum Phase {
    case datagram(DNSExchange, DNSRequest)
    case stream(DNSStreamExchange, DNSRequest)
    case done
  }

  fileprivate enum Found {
    case addresses([IPAddress], timeToLive: UInt32)
    case nothing, noName, failed
  }

  /// How a lookup ended.
  struct Outcome {
    let name: DomainName
    let result: NameResult
    /// For how long it holds, in seconds; 0 without addresses.
    var timeToLive: UInt32 = 0
  }

  init(_ name: DomainName, id: UInt64, resolvers: [HostFacts.Resolver], port: UInt16, now: Instant) {
    self.name = name
    self.id = id
    self.resolvers = resolvers
    self.port = port
    started = now
    parts = [DNSType.a, .aaaa].map { Part(type: $0, phase: ask($0, hasOptions: true, now: now)) }
  }

  private func ask(_ type: DNSType, hasOptions: Bool, now: Instant) -> Phase {
    let request = DNSRequest(name, type, hasOptions: hasOptions)
    return .datagram(
      DNSExchange(request, id: id, from: nil, resolvers: resolvers, port: port, now: now), request)
  }

  func addInterests<Event>(_ event: Event, to interests: inout [Interest<Event>]) {
    for part in parts {
      switch part.phase {
      case .datagram(let exchange, _): exchange.addInterests(event, to: &interests)
      case .stream(let exchange, _): exchange.addInterests(event, to: &interests)
      case .done: break
      }
    }
  }

  /// When `advance` has something to do even if nothing arrived.
  var deadline: Instant {
    var deadline = end
    for part in parts {
      let moment: Instant
      switch part.phase {
      case .datagram(let exchange, _): moment = exchange.deadline
      case .stream(let exchange, _): moment = exchange.deadline
      case .done: continue
      }
      deadline = min(deadline ?? moment, moment)
    }
    return deadline ?? started
  }

  /// Takes what arrived and asks whoever is next; nil while the lookup goes on.
  func advance(now: Instant, buffer: inout [UInt8], order: inout ResolverOrder) -> Outcome? {
    for index in parts.indices { advance(&parts[index], now: now, buffer: &buffer, order: &order) }
    if parts.allSatisfy({ if case .done = $0.phase { true } else { false } }) { return giveUp() }
    if end == nil, parts.contains(where: { if case .addresses = $0.found { true } else { false } }) {
      end = now + Self.patience
    }
    return end.map { $0 <= now } == true ? giveUp() : nil
  }

  /// A datagram may lead to another, and to a stream.
  private func advance(
    _ part: inout Part, now: Instant, buffer: inout [UInt8], order: inout ResolverOrder
  ) {
    while true {
      switch part.phase {
      case .datagram(let exchange, let request):
        guard let outcome = exchange.advance(now: now, buffer: &buffer) else { return }
        if let resolver = outcome.resolver { order.prefer(resolver) }
        takeDatagram(outcome.response, of: request, into: &part, now: now)
      case .stream(let exchange, let request):
        guard let outcome = exchange.advance(now: now, buffer: &buffer) else { return }
        // Without an answer, what there was in the datagram is better than nothing.
        if outcome.resolver != nil { part.found = Found(outcome.response, of: request) }
        part.phase = .done
      case .done: return
      }
    }
  }

  private func takeDatagram(_ response: [UInt8], of request: DNSRequest, into part: inout Part, now: Instant)
  {
    let found = Found(response, of: request)
    // RFC 6891 section 7: who does not know EDNS says so.
    if response[3] & 0x0f == DNSRequest.ResponseCode.formatError.rawValue, request.options != nil {
      part.phase = ask(part.type, hasOptions: false, now: now)
    } else if response[2] & 0x02 != 0 {
      if case .addresses = found { part.found = found }
      part.phase = .stream(DNSStreamExchange(request, resolvers: resolvers, port: port, now: now), request)
    } else {
      (part.found, part.phase) = (found, .done)
    }
  }

  /// What is known by now.
  func giveUp() -> Outcome {
    var addresses: [IPAddress] = []
    var least = UInt32.max
    for part in parts {
      guard case .addresses(let more, let time) = part.found else { continue }
      addresses += more.filter { !addresses.contains($0) }
      least = min(least, time)
    }
    if !addresses.isEmpty { return Outcome(name: name, result: .addresses(addresses), timeToLive: least) }
    // NXDOMAIN is about the name; some say it of a type that the name does not have, so that of A counts.
    switch (parts[0].found, parts[1].found) {
    case (.noName, _), (.failed, .noName): return Outcome(name: name, result: .doesNotExist)
    case (.failed, _), (_, .failed): return Outcome(name: name, result: .failed)
    default: return Outcome(name: name, result: .addresses([]))
    }
  }
}

extension NameLookup.Found {
  fileprivate init(_ response: [UInt8], of request: DNSRequest) {
    let answer = DNSAnswer(response[...], from: request.questionEnd)
    switch DNSRequest.ResponseCode(rawValue: response[3] & 0x0f) {
    case .noError where answer.addresses.isEmpty: self = .nothing
    case .noError: self = .addresses(answer.addresses, timeToLive: answer.timeToLive)
    case .nameError: self = .noName
    default: self = .failed
    }
  }
}
