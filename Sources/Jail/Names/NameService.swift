import Linux
import Policy

/// What becomes of a question.
enum NameTreatment {
  /// The host's resolvers are asked this.
  case forward(DNSRequest)
  /// This is the answer; nobody is asked.
  case respond([UInt8], [Effect])
  /// The answer is the name's address, once it is known that the name has one outside (`NameDirectory.answer`).
  case serve(DomainName)
}

/// The one place where questions of the jail are decided, however they come. Names are decided by their labels, which no text in between
/// could make ambiguous.
extension NameDirectory {
  func treat(_ request: DNSRequest, now: Instant) -> NameTreatment {
    let labels = request.labels
    // The root is above every name.
    if labels.isEmpty { return plan.isExclusive ? .respond(request.answer(.noError), []) : .forward(request) }
    guard let name = DomainName(labels: labels) else { return treatUnnameable(request, labels) }
    if plan.isExclusive, name.labels.last == "localhost" { return .respond(request.localAnswer, []) }
    if let address = reversed(name), plan.addresses.block.contains(address) {
      return .respond(pointer(request, to: address), [])
    }
    switch plan.policy.standing(name) {
    case .allowed(let rule) where plan.isExclusive || rule.isInternal: return serve(request, name, now: now)
    case .blocked: return refuse(request)
    case .unlisted where plan.isExclusive: return refuse(request)
    // RFC 8020: NXDOMAIN would say that there is nothing below it.
    case .ancestor where plan.isExclusive: return .respond(request.answer(.noError), [])
    case .allowed, .unlisted, .ancestor: return .forward(request)
    }
  }

  /// No host has such a name. What can be named above it decides where other names are looked up as on the host.
  private func treatUnnameable(_ request: DNSRequest, _ labels: [ArraySlice<UInt8>]) -> NameTreatment {
    if plan.isExclusive { return refuse(request) }
    let last = labels.lastIndex { DomainName(labels: [$0]) == nil } ?? 0
    let above = labels[(last + 1)...]
    if let name = DomainName(labels: above), case .blocked = plan.policy.standing(name) {
      return refuse(request)
    }
    return .forward(request)
  }

  /// "Not found" at once: programs would ask again after REFUSED.
  private func refuse(_ request: DNSRequest) -> NameTreatment {
    .respond(request.answer(.nameError), [.nameRefused(request.name)])
  }

  private func serve(_ request: DNSRequest, _ name: DomainName, now: Instant) -> NameTreatment {
    guard request.isInternet else { return refuse(request) }
    guard isServing else { return .respond(request.answer(.serverFailure), []) }
    switch request.type {
    // Both wait for what becomes of the lookup: an empty answer beside a failure means "has no address" to the C library.
    case .a, .aaaa:
      guard let known = addresses(of: name, now: now) else { return .serve(name) }
      let (response, effects) = answer(request, name, .addresses(known))
      return .respond(response, effects)
    case let type where DNSType.harmless.contains(type): return .forward(request.bare)
    default: return .respond(request.answer(.noError), [])
    }
  }

  /// The answer to a question for a served name's addresses: it has one, of IPv4.
  func answer(_ request: DNSRequest, _ name: DomainName, _ result: NameResult) -> ([UInt8], [Effect]) {
    guard isServing else { return (request.answer(.serverFailure), []) }
    switch result {
    case .addresses(let found) where found.isEmpty: return (request.answer(.noError), [])
    case .addresses:
      guard let address = address(of: name) else { return (request.answer(.serverFailure), tellFull()) }
      return (request.answer(.noError, request.type == .a ? (.a, address.bytes) : nil), [])
    case .doesNotExist: return (request.answer(.nameError), [])
    case .failed: return (request.answer(.serverFailure), [])
    }
  }

  private func pointer(_ request: DNSRequest, to address: IPAddress) -> [UInt8] {
    guard let name = name(at: address) else { return request.answer(.nameError) }
    return request.type == .ptr
      ? request.answer(.noError, (.ptr, DNSRequest.wire(name))) : request.answer(.noError)
  }

  /// The IPv4 address whose reverse name this is (RFC 1035 section 3.5).
  private func reversed(_ name: DomainName) -> IPAddress? {
    let labels = name.labels
    guard labels.count == 6, labels[4] == "in-addr", labels[5] == "arpa" else { return nil }
    return IPAddress(labels[..<4].reversed().joined(separator: "."))
  }
}

extension DNSRequest {
  /// The answer for `localhost` and what is below it (RFC 6761 section 6.3).
  fileprivate var localAnswer: [UInt8] {
    switch type {
    case .a where isInternet: answer(.noError, (.a, [127, 0, 0, 1]))
    case .aaaa where isInternet: answer(.noError, (.aaaa, [UInt8](repeating: 0, count: 15) + [1]))
    default: answer(.noError)
    }
  }
}
