/// What a rule does to the flows that it matches.
public enum Action: Sendable, Hashable {
  case allow
  case block
}

/// One line of the policy: what happens to some services of a prefix, and who says so.
public struct Rule: Hashable, Sendable {
  /// The destinations.
  public let prefix: Prefix
  /// The services at these destinations; all others fall through to a shorter prefix.
  public let services: Services
  /// Open or closed.
  public let action: Action
  /// Who says so.
  public let origin: Origin

  /// A rule for some services of a prefix.
  public init(prefix: Prefix, services: Services = .all, action: Action, origin: Origin) {
    self.prefix = prefix
    self.services = services
    self.action = action
    self.origin = origin
  }

  /// Whether the rule has a say about the flow.
  public func matches(_ flow: Flow) -> Bool {
    prefix.contains(flow.destination) && services.contains(flow.transport, port: flow.port)
  }
}
