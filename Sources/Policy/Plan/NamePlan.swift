/// What a jail may reach by name.
public struct NamePlan: Sendable, Equatable {
  /// Where the names are.
  public let addresses: NameAddresses
  /// The rules about names.
  public let policy: NamePolicy
  /// Whether a name that no rule allows does not exist (`network = restricted`). Otherwise it is looked up as on the host.
  public let isExclusive: Bool
  /// Whether the jail has a gateway. Without one no rule here is internal, and names are looked up as on the host unless they are blocked.
  public let hasGateway: Bool
  /// The rules about addresses as in a jail with the internet, whatever the mode: what a name may lead to.
  let rules: [Rule]

  /// Whether a port of a name may be asked for, and the rule that says so; nil if none is about it.
  public func rule(_ name: DomainName, port: UInt16) -> DomainRule? { policy.rule(name, port: port) }

  /// Whether a name that this rule allows may lead to an address, and the rule that says so.
  ///
  /// A name may lead to what a jail with the internet would reach by address. An internal name may lead into an internal network as well,
  /// unless the configuration blocks it there: of the configured rules about the address the one that decides has to allow, whatever
  /// the host's facts say of it. It never leads to this host, to a link, or to what serves the host's metadata (`InternalNameLimit`).
  /// An IPv4 address that is wrapped in an IPv6 one is closed to both.
  public func decide(_ address: IPAddress, port: UInt16, for rule: DomainRule) -> Decision {
    let flow = Flow(destination: address, transport: .tcp, port: port)
    let decision = Plan.decide(flow, by: rules)
    guard rule.isInternal, !decision.allowed else { return decision }
    let configured = rules.filter(\.origin.isConfigured)
    if configured.contains(where: { $0.matches(flow) }) {
      let answer = Plan.decide(flow, by: configured)
      if !answer.allowed { return answer }
    }
    if let limit = InternalNameLimit.rule(address, port: port, by: rules) {
      return Decision(allowed: false, rule: limit)
    }
    switch decision.rule.origin {
    case .builtin, .connectedPrefix, .internalRoute, .resolver:
      return Decision(
        allowed: true,
        rule: Rule(
          prefix: Prefix(address), services: Services(tcp: rule.ports, udp: .none, echo: false),
          action: .allow,
          origin: rule.origin))
    default: return decision
    }
  }
}

extension NamePlan {
  /// The names of a jail; `guests` are the uplink's addresses. A jail that runs keeps what it has: where it has no gateway, what needs
  /// one waits for its next launch.
  init(
    _ configuration: Configuration, _ facts: HostFacts, _ hostRules: [Rule], guests: [GuestAddresses],
    keeping current: NamePlan?, isRunning: Bool
  ) throws(PlanError) {
    let hasGateway =
      isRunning
      ? current?.hasGateway ?? false
      : configuration.network.value == .restricted || configuration.domains.contains(where: \.isInternal)
    let used = hostRules + configuration.rules + guests.map(\.rule)
    let free = NameAddresses.choose(rules: used, resolvers: facts.resolvers)
    guard let addresses = current?.addresses ?? free ?? (hasGateway ? nil : NameAddresses.candidates.first)
    else { throw .noFreeNameAddresses }
    self.init(
      configuration, addresses, hasGateway: hasGateway,
      Family.allCases.map { Plan.base($0, facts) } + hostRules + guests.map(\.rule))
  }

  /// The names of the jail that asks, and the addresses of its gateway if it has one. What its host knows of addresses cannot be told.
  init(
    inside configuration: Configuration, _ addresses: NameAddresses?, _ walls: [Rule],
    guests: [GuestAddresses]
  ) {
    let open = Family.allCases.map { Rule(prefix: .everything($0), action: .allow, origin: .internet) }
    self.init(
      configuration, addresses ?? .candidates[0], hasGateway: addresses != nil,
      open + walls + guests.map(\.rule))
  }

  private init(
    _ configuration: Configuration, _ addresses: NameAddresses, hasGateway: Bool, _ rules: [Rule]
  ) {
    let isExclusive = configuration.network.value == .restricted
    (self.addresses, self.hasGateway, self.isExclusive) = (addresses, hasGateway, isExclusive)
    policy = NamePolicy(
      hasGateway ? configuration.domains : configuration.domains.filter { !$0.isInternal },
      yieldingFile: configuration.yieldingFile)
    let all = rules + BuiltinPrefix.rules + configuration.rules + [addresses.rule]
    self.rules =
      configuration.ipv6.value == .off
      ? all.filter { $0.prefix.family == .ipv4 } + [Plan.noIPv6(configuration)] : all
  }
}
