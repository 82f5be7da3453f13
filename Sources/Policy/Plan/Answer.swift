/// What a plan says about a destination that was asked about.
public struct Answer: Sendable, Hashable {
  /// The services that it is about: `:443/tcp`, ` echo`, or nothing for all.
  public let service: String
  /// Whether they are reachable, and the rule that says so.
  public let decision: Decision
}

extension DestinationQuery {
  /// The answers about one address; one for all services when one rule decides about everything.
  public func answers(_ reach: [Reach]) -> [Answer] {
    let asked = reach.filter { part in
      (transport == nil || part.transport == transport)
        && (port.map { number in part.ports?.contains(number) ?? false } ?? true)
    }
    if port == nil, transport == nil, let first = asked.first,
      asked.allSatisfy({ $0.decision == first.decision })
    {
      return [Answer(service: "", decision: first.decision)]
    }
    return asked.map { part in
      guard let ports = part.ports else { return Answer(service: " echo", decision: part.decision) }
      let name = part.transport == .tcp ? "tcp" : "udp"
      if let port { return Answer(service: ":\(port)/\(name)", decision: part.decision) }
      let range = ports == 0...UInt16.max ? "*" : "\(PortSet([ports]))"
      return Answer(service: ":\(range)/\(name)", decision: part.decision)
    }
  }
}

/// Whether all that was asked about is reachable; each has an exit status of its own.
public enum Reachability: String, Sendable, Hashable, CaseIterable {
  /// All of it.
  case reachable
  /// Some of it.
  case partial
  /// Nothing of it.
  case blocked
  /// The name has no address, or names cannot be looked up.
  case unknown

  /// The verdict on all answers together.
  public init(_ answers: some Collection<Answer>) {
    let open = answers.count { $0.decision.allowed }
    self = answers.isEmpty ? .unknown : open == answers.count ? .reachable : open == 0 ? .blocked : .partial
  }

  /// 0 if all is reachable, 1 if anything is blocked, 2 if that is not known.
  public var exitStatus: Int32 {
    switch self {
    case .reachable: 0
    case .partial, .blocked: 1
    case .unknown: 2
    }
  }
}
