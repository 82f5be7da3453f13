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
  /// What the jail reaches by name; nil without a network.
  public let names: NamePlan?

  /// The uplink's addresses in a family.
  public func addresses(_ family: Family) -> GuestAddresses? {
    family == .ipv4 ? ipv4 : ipv6
  }

  /// The jail's own addresses on the uplink.
  public var ownAddresses: [IPAddress] { Family.allCases.compactMap { addresses($0)?.guest } }

  /// The plan for a configuration on a host.
  ///
  /// For a jail that already runs, its current plan is given: it keeps the addresses and families of its uplink, or stays without one, and
  /// likewise for its names.
  public static func make(
    configuration: Configuration, facts: HostFacts, keeping current: Plan? = nil
  ) throws(PlanError) -> Plan {
    guard configuration.network.value != .none, current?.network != NetworkMode.none else { return closed() }
    let hostRules = facts.rules()
    let guests = try guests(configuration, facts, hostRules, keeping: current)
    let names = try NamePlan(
      configuration, facts, hostRules, guests: guests, keeping: current?.names, isRunning: current != nil)
    guard let ipv4 = guests.first else { return closed(.restricted, names: names) }
    return try make(configuration, facts, hostRules, ipv4, guests.dropFirst().first, names)
  }

  /// The addresses of the uplink, IPv4 first; none for a jail without one.
  private static func guests(
    _ configuration: Configuration, _ facts: HostFacts, _ hostRules: [Rule], keeping current: Plan?
  ) throws(PlanError) -> [GuestAddresses] {
    if let current { return [current.ipv4, current.ipv6].compactMap(\.self) }
    guard configuration.hasUplink else { return [] }
    let used = hostRules + configuration.rules
    let ipv4 = try GuestAddresses.choose(.ipv4, rules: used, resolvers: facts.resolvers)
    guard wantsIPv6(configuration, facts) else { return [ipv4] }
    return [ipv4, try GuestAddresses.choose(.ipv6, rules: used, resolvers: facts.resolvers)]
  }

  /// The plan with these addresses, and these rules beside the configured and the builtin ones.
  static func make(
    _ configuration: Configuration, _ facts: HostFacts, _ hostRules: [Rule], _ ipv4: GuestAddresses,
    _ ipv6: GuestAddresses?, _ names: NamePlan?
  ) throws(PlanError) -> Plan {
    let mode = configuration.network.value
    func base(_ family: Family) -> Rule {
      mode == .restricted ? restricted(family) : self.base(family, facts)
    }
    var rules = [base(.ipv4), ipv6 == nil ? noIPv6(configuration) : base(.ipv6)]
    rules.append(ipv4.rule)
    if let ipv6 { rules.append(ipv6.rule) }
    let pool = names.flatMap { $0.hasGateway ? $0.addresses : nil }
    rules += (BuiltinPrefix.rules + hostRules + configuration.rules).filter {
      // Nothing that is opened later leads past the names to an address of theirs.
      ($0.prefix.family == .ipv4 || ipv6 != nil) && !(pool?.block.contains($0.prefix) ?? false)
    }
    if let pool { rules.append(pool.rule) }

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
      mode == .none
        ? Rule(prefix: .everything($0), action: .block, origin: .networkNone) : restricted($0)
    }
    return Plan(
      network: mode, ipv4: nil, ipv6: nil, rules: rules, routes: [], hasDefaultRoute4: false,
      hasDefaultRoute6: false, filter: .dropEverything, names: names)
  }

  /// Whether the jail is connected to anything at all by address.
  public var hasUplink: Bool { ipv4 != nil }

  private static func restricted(_ family: Family) -> Rule {
    Rule(prefix: .everything(family), action: .block, origin: .networkRestricted)
  }

  private static func wantsIPv6(_ configuration: Configuration, _ facts: HostFacts) -> Bool {
    configuration.ipv6.value == .auto && !facts.ipv6InternetPaths.isEmpty || configuration.wantsIPv6
  }

  static func base(_ family: Family, _ facts: HostFacts) -> Rule {
    facts.internetPaths(family).isEmpty
      ? Rule(prefix: .everything(family), action: .block, origin: .noInternet)
      : Rule(prefix: .everything(family), action: .allow, origin: .internet)
  }

  static func noIPv6(_ configuration: Configuration) -> Rule {
    guard configuration.ipv6.value == .off, let location = configuration.ipv6.location else {
      return Rule(prefix: .everything(.ipv6), action: .block, origin: .noIPv6)
    }
    return Rule(
      prefix: .everything(.ipv6), action: .block, origin: .configuration(location, key: "ipv6"))
  }
}
