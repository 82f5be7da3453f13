extension Plan {
  /// The plan of the jail whose facts these are: what can be known of it from inside. The rules that only its host can tell are
  /// the blackholes that it was given. An exception for some ports of exactly such a prefix leaves no blackhole, so its other ports
  /// look open here, and are not.
  public static func inside(configuration: Configuration, facts: HostFacts) throws(PlanError) -> Plan {
    let own = Set(facts.addresses.map(\.address))
    func addresses(_ family: Family) -> GuestAddresses? {
      GuestAddresses.candidates(family).first { own.contains($0.guest) }
    }
    let names = NameAddresses.candidates.first { own.contains($0.own) }
    let ipv4 = addresses(.ipv4)
    // Whatever the files have become, the jail is what it was launched as.
    var configuration = configuration
    let refusesRest = facts.routes.contains { $0.kind == .reject && $0.destination.isEverything }
    configuration.network.value =
      ipv4 == nil && names == nil ? .none : ipv4 == nil || refusesRest ? .restricted : .internet
    guard configuration.network.value != .none else { return closed() }
    let builtin = Set(BuiltinPrefix.rules.map(\.prefix))
    let walls = facts.routes.filter {
      $0.kind == .reject && !$0.destination.isEverything && !builtin.contains($0.destination)
    }.map { Rule(prefix: $0.destination, action: .block, origin: .jailRoute) }
    let namePlan = NamePlan(
      inside: configuration, names, walls, guests: [ipv4, addresses(.ipv6)].compactMap(\.self))
    guard let ipv4 else { return closed(.restricted, names: namePlan) }
    return try make(configuration, facts, walls, ipv4, addresses(.ipv6), namePlan)
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
