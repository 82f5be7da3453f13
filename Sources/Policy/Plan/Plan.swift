/// What a jail may reach, and how: a pure function of the configuration and the host's facts.
public struct Plan: Sendable, Equatable {
  /// The mode of the network.
  public let network: NetworkMode
  /// The uplink's IPv4 addresses; nil when the jail has no IPv4.
  public let ipv4: GuestAddresses?
  /// The uplink's IPv6 addresses; nil when the jail has no IPv6.
  public let ipv6: GuestAddresses?
  /// Every rule: the base of each family, builtin ones, the host's, the configured ones.
  public let rules: [Rule]
  /// The jail's routes in the order of their prefixes, IPv4 first, default routes left out.
  public let routes: [PlannedRoute]
  /// Whether an IPv4 default route leads to the uplink.
  public let hasDefaultRoute4: Bool
  /// Whether an IPv6 default route leads to the uplink.
  public let hasDefaultRoute6: Bool
  /// What the tap lets pass.
  public let filter: FilterProgram
  /// What the jail reaches by name; nil without a name gateway.
  public let names: NamePlan?

  /// The uplink's addresses in a family.
  public func addresses(_ family: Family) -> GuestAddresses? {
    family == .ipv4 ? ipv4 : ipv6
  }

  /// The plan for a configuration on a host.
  ///
  /// For a jail that already runs, its current plan is given: the uplink keeps the addresses and families it
  /// started with.
  public static func make(
    configuration: Configuration, facts: HostFacts, keeping current: Plan? = nil
  ) throws(PlanError) -> Plan {
    guard configuration.network.value != .none else { return closed() }
    let hostRules = facts.rules()
    let used = hostRules + configuration.rules
    let names = try names(configuration, facts, hostRules, keeping: current)
    guard configuration.hasUplink, current?.hasUplink ?? true else {
      return closed(.restricted, names: names)
    }
    let ipv4: GuestAddresses
    let ipv6: GuestAddresses?
    if let current, let kept = current.ipv4 {
      (ipv4, ipv6) = (kept, current.ipv6)
    } else {
      ipv4 = try GuestAddresses.choose(.ipv4, rules: used, resolvers: facts.resolvers)
      ipv6 =
        wantsIPv6(configuration, facts)
        ? try GuestAddresses.choose(.ipv6, rules: used, resolvers: facts.resolvers) : nil
    }
    return try make(configuration, facts, hostRules, ipv4, ipv6, names)
  }

  /// The names, if a jail has any: without a network of its own it needs them all, and with one those that are internal.
  private static func names(
    _ configuration: Configuration, _ facts: HostFacts, _ hostRules: [Rule], keeping current: Plan?
  ) throws(PlanError) -> NamePlan? {
    let isExclusive = configuration.network.value == .restricted
    let rules = isExclusive ? configuration.domains : configuration.domains.filter(\.isInternal)
    guard isExclusive || !rules.isEmpty else { return nil }
    if let current, current.names == nil { return nil }
    let addresses: NameAddresses
    if let kept = current?.names?.addresses {
      addresses = kept
    } else {
      addresses = try .choose(rules: hostRules + configuration.rules, resolvers: facts.resolvers)
    }
    return NamePlan(
      addresses: addresses,
      policy: NamePolicy(configuration.domains), isExclusive: isExclusive,
      rules: Family.allCases.map { base($0, facts) } + BuiltinPrefix.rules + hostRules + configuration.rules)
  }

  /// The plan with these addresses, and these rules beside the configured and the builtin ones.
  static func make(
    _ configuration: Configuration, _ facts: HostFacts, _ hostRules: [Rule], _ ipv4: GuestAddresses,
    _ ipv6: GuestAddresses?, _ names: NamePlan? = nil
  ) throws(PlanError) -> Plan {
    let mode = configuration.network.value
    func base(_ family: Family) -> Rule {
      mode == .restricted ? restricted(family, configuration) : self.base(family, facts)
    }
    var rules = [base(.ipv4), ipv6 == nil ? noIPv6(configuration) : base(.ipv6)]
    rules.append(ipv4.rule)
    if let ipv6 { rules.append(ipv6.rule) }
    rules += (BuiltinPrefix.rules + hostRules + configuration.rules).filter {
      $0.prefix.family == .ipv4 || ipv6 != nil
    }

    let effective4 = EffectivePolicy(rules, .ipv4, guest: ipv4.subnet)
    let effective6 = EffectivePolicy(rules, .ipv6, guest: ipv6?.subnet)
    let filter = FilterProgram.compile(ipv4: effective4, ipv6: effective6)
    guard filter.instructions.count <= FilterProgram.maximum else {
      throw .filterTooLarge(
        instructions: filter.instructions.count, configuredRules: configuration.rules.count,
        hostRules: hostRules.count)
    }
    return Plan(
      network: mode, ipv4: ipv4, ipv6: ipv6, rules: rules,
      routes: effective4.routes + effective6.routes, hasDefaultRoute4: effective4.hasDefaultRoute,
      hasDefaultRoute6: effective6.hasDefaultRoute, filter: filter, names: names)
  }

  /// No uplink, so nothing is routed and no exception counts.
  static func closed(_ mode: NetworkMode = .none, names: NamePlan? = nil) -> Plan {
    let rules = Family.allCases.map {
      Rule(prefix: .everything($0), action: .block, origin: mode == .none ? .networkNone : .networkRestricted)
    }
    return Plan(
      network: mode, ipv4: nil, ipv6: nil, rules: rules, routes: [], hasDefaultRoute4: false,
      hasDefaultRoute6: false, filter: .dropEverything, names: names)
  }

  /// Whether the jail is connected to anything at all by address.
  public var hasUplink: Bool { ipv4 != nil }

  private static func restricted(_ family: Family, _ configuration: Configuration) -> Rule {
    Rule(prefix: .everything(family), action: .block, origin: .networkRestricted)
  }

  private static func wantsIPv6(_ configuration: Configuration, _ facts: HostFacts) -> Bool {
    configuration.ipv6.value == .auto && !facts.ipv6InternetPaths.isEmpty || configuration.wantsIPv6
  }

  private static func base(_ family: Family, _ facts: HostFacts) -> Rule {
    facts.internetPaths(family).isEmpty
      ? Rule(prefix: .everything(family), action: .block, origin: .noInternet)
      : Rule(prefix: .everything(family), action: .allow, origin: .internet)
  }

  private static func noIPv6(_ configuration: Configuration) -> Rule {
    guard configuration.ipv6.value == .off, let location = configuration.ipv6.location else {
      return Rule(prefix: .everything(.ipv6), action: .block, origin: .noIPv6)
    }
    return Rule(
      prefix: .everything(.ipv6), action: .block, origin: .configuration(location, key: "ipv6"))
  }
}
