/// What a jail may reach by name.
public struct NamePlan: Sendable, Equatable {
  /// Where the names are.
  public let addresses: NameAddresses
  /// The rules about names.
  public let policy: NamePolicy
  /// Whether a name that no rule allows does not exist (`network = restricted`). Otherwise it is looked up as on the host.
  public let isExclusive: Bool
  /// The rules about addresses as in a jail with the internet, whatever the mode: what a name may lead to.
  let rules: [Rule]

  /// Whether a port of a name may be asked for, and the rule that says so; nil if none is about it.
  public func rule(_ name: DomainName, port: UInt16) -> DomainRule? { policy.rule(name, port: port) }

  /// Whether a name that this rule allows may lead to an address, and the rule that says so. An internal name may lead into an internal
  /// network, unless the configuration blocks it, but never to this host, a link, or what serves the host's metadata.
  public func decide(_ address: IPAddress, port: UInt16, for rule: DomainRule) -> Decision {
    let flow = Flow(destination: address, transport: .tcp, port: port)
    return Plan.decide(flow, by: rules)
  }
}
