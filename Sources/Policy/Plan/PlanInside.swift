extension Plan {
  /// The plan of the jail whose facts these are: what can be known of it from inside. The rules that only its host can tell are
  /// the blackholes that it was given. An exception for some ports of exactly such a prefix leaves no blackhole, so its other ports
  /// look open here, and are not.
  public static func inside(configuration: Configuration, facts: HostFacts) throws(PlanError) -> Plan {
    let own = Set(facts.addresses.map(\.address))
    func addresses(_ family: Family) -> GuestAddresses? {
      GuestAddresses.candidates(family).first { own.contains($0.guest) }
    }
    guard configuration.network.value == .internet, let ipv4 = addresses(.ipv4) else { return closed() }
    let builtin = Set(BuiltinPrefix.rules.map(\.prefix))
    let walls = facts.routes.filter {
      $0.kind == .reject && !$0.destination.isEverything && !builtin.contains($0.destination)
    }
    return try make(
      configuration, facts,
      walls.map { Rule(prefix: $0.destination, action: .block, origin: .jailRoute) }, ipv4, addresses(.ipv6))
  }

  /// `reach(of:)` for an address that the jail's routes refuse: what the rules of now would open is closed all the same.
  public func refused(_ address: IPAddress) -> [Reach] {
    let refusal = Decision(
      allowed: false, rule: Rule(prefix: Prefix(address), action: .block, origin: .jailRoute))
    return reach(of: address).map {
      $0.decision.allowed ? Reach(transport: $0.transport, ports: $0.ports, decision: refusal) : $0
    }
  }
}
