public import Linux
public import Policy

/// A launch, from the caller's words to the command in its jail. The order is the security argument: each
/// step succeeds, or throws and nothing is ever executed.
///
/// Three processes take part. This one is the *launcher*: the shell's child, which stops, continues and ends
/// as the command does. It forks the *supervisor*, which forks the *holder*, which becomes the command. See
/// ARCHITECTURE.md.
public enum Launch {
  /// Runs a command and returns its status, or replaces this process when there is to be no jail.
  ///
  /// `network`, if given, can only close what the configuration opens. Without `override` the environment
  /// cannot switch the jail off.
  public static func run(
    _ command: Command, network: NetworkMode? = nil, override: Bool = true
  ) throws(LaunchFailure) -> WaitStatus {
    var overrideAllowed = true
    do throws(LaunchFailure) {
      // 1. Nothing has been created yet, so every complaint can be made at once.
      try LaunchStep.read.run { try Process.openStandardDescriptors() }
      let configuration = try Self.configuration(network)
      overrideAllowed = configuration.allowOverride.value
      let wish = override ? command.variable(Override.variable) : nil
      guard try Override.wantsJail(environment: wish, configuration) else {
        return try withoutJail(command, configuration)
      }
      if network == nil && Enclosure.isJail(configuration) {
        return try LaunchStep.execute.run { try command.execute() }
      }
      try StandardStreams.check()
      Signals.prepareForChildren()
      // Nothing that the caller had open reaches any of the processes that follow.
      try LaunchStep.read.run { try Process.closeDescriptors(from: 3) }

      // 2. to 4.
      let blueprint = try draw(configuration, command)

      // 5. to 10. happen in the supervisor and its holder.
      return try LaunchStep.supervise.run { try Launcher.start(blueprint) }
    } catch {
      throw .relayed(
        status: error.exitStatus, isRefusal: false,
        text: explained(error).text(overrideAllowed: overrideAllowed))
    }
  }

  /// What a launch would do, for `--dry-run`, `explain` and `config`.
  public static func plan(network: NetworkMode? = nil) throws(LaunchFailure) -> (
    Configuration, HostFacts, Plan
  ) {
    let configuration = try configuration(network)
    let (facts, _) = try facts()
    return (configuration, facts, try make(configuration, facts))
  }

  private static func configuration(_ network: NetworkMode?) throws(LaunchFailure) -> Configuration {
    var configuration = try ConfigurationFiles.read()
    if network == NetworkMode.none { configuration.network = Sourced(.none) }
    return configuration
  }

  private static func draw(_ configuration: Configuration, _ command: Command) throws(LaunchFailure)
    -> Blueprint
  {
    try Prerequisites.check(configuration)
    let wantsUplink = configuration.network.value != .none
    let pasta = try wantsUplink ? Prerequisites.preflight() : nil
    let (facts, resolver) = try facts()
    return Blueprint(
      configuration: configuration, plan: try make(configuration, facts), facts: facts, resolver: resolver,
      pasta: pasta, command: command,
      ignoresHangup: Signals.isIgnored(Signals.hangup))
  }

  /// What only the host can tell, as it is now.
  static func facts() throws(LaunchFailure) -> (HostFacts, ResolverConfiguration) {
    let resolver = ResolverFile.read()
    var facts = try LaunchStep.facts.run { try HostNetwork.read() }
    facts.resolvers = resolver.resolvers
    return (facts, resolver)
  }

  private static func make(_ configuration: Configuration, _ facts: HostFacts) throws(LaunchFailure) -> Plan {
    let plan: Plan
    do throws(PlanError) {
      plan = try Plan.make(configuration: configuration, facts: facts)
    } catch {
      throw .plan(error)
    }
    // While a filter is replaced the kernel holds both. Where it does not tell its limit, attaching will.
    let needed = 2 * plan.filter.optionMemory
    if let limit = Prerequisites.setting("net/core/optmem_max").flatMap({ Int($0) }), needed >= limit {
      throw .optionMemory(needed: needed, limit: limit)
    }
    return plan
  }

  private static func withoutJail(
    _ command: Command, _ configuration: Configuration
  ) throws(LaunchFailure) -> WaitStatus {
    let file = configuration.egressJail.location.map { "egress-jail = 0 (\($0))" }
    let reason = command.variable(Override.variable) == nil ? file : nil
    Process.complain("claude-sandbox: no jail: \(reason ?? "\(Override.variable)=0")\n")
    return try LaunchStep.execute.run { try command.execute() }
  }

  /// A step that failed because of what the machine lacks is told as all that it lacks.
  private static func explained(_ failure: LaunchFailure) -> LaunchFailure {
    guard case .relayed(_, true, _) = failure else { return failure }
    let missing = Prerequisites.missing()
    guard let line = failure.text.split(separator: "\n").first, !missing.isEmpty else { return failure }
    let text = "\(line)\n\(LaunchFailure.prerequisites(missing).text)"
    return .relayed(status: failure.exitStatus, isRefusal: true, text: text)
  }
}
