import Linux
public import Policy

extension Launch {
  /// What a launch would do, for `--dry-run`, `explain` and `config`. In a jail, where a launch would stay: what can be seen of that
  /// jail.
  public static func plan(
    network: NetworkMode? = nil, publish: [PublishedPort] = []
  ) throws(LaunchFailure) -> (Configuration, HostFacts, Plan) {
    let isJail = Confinement.isJail(try ConfigurationFiles.read())
    let configuration = try isJail ? ConfigurationFiles.read() : configuration(network: network).0
    try configuration.check(publish: publish)
    let (facts, _) = try LaunchStep.facts.launch { try HostNetwork.current() }
    guard isJail else {
      return (configuration, facts, try Plan.measured(configuration, facts))
    }
    do throws(PlanError) {
      return (configuration, facts, try Plan.inside(configuration: configuration, facts: facts))
    } catch {
      throw .plan(error)
    }
  }

  /// What holds for a launch from this directory: the files, and what the project and the command line take off them. The path of the
  /// project's file, if there is one.
  public static func configuration(
    network: NetworkMode? = nil
  ) throws(LaunchFailure) -> (Configuration, project: String?) {
    let files = try ConfigurationFiles.read()
    let limits = try LaunchLimits(network, files)
    return (try limits.applied(to: files), limits.project?.path)
  }

  /// The override: said, so that nobody takes the command for a jailed one.
  static func withoutJail(
    _ command: Command, _ configuration: Configuration
  ) throws(LaunchFailure) -> Never {
    let file = configuration.egressJail.location.map { "egress-jail = 0 (\($0))" }
    let reason = command.environment[Override.variable] == nil ? file : nil
    Process.complain("claude-sandbox: no jail: \(reason ?? "\(Override.variable)=0")\n")
    try execute(command)
  }

  /// A command that gets no jail of its own.
  static func execute(_ command: Command) throws(LaunchFailure) -> Never {
    do {
      try command.execute()
    } catch {
      throw .jail(LaunchStep.execute.failure(error))
    }
  }
}

extension LaunchStep {
  /// `run`, in the launcher.
  func launch<Result>(_ work: () throws -> Result) throws(LaunchFailure) -> Result {
    do throws(JailFailure) {
      return try run(work)
    } catch {
      throw .jail(error)
    }
  }
}
