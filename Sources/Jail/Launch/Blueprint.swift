import Policy

/// All that was decided before anything was created: what the processes of a launch work from.
struct Blueprint: Sendable {
  let configuration: Configuration
  /// What the configuration lacks of the files'.
  let limits: LaunchLimits
  /// The digest of the configuration's files.
  let files: Int
  let plan: Plan
  let facts: HostFacts
  let resolver: ResolverConfiguration
  /// What the jail reads in place of the host's.
  let coveredFiles: [CoveredFile]
  /// The path of pasta; nil when the plan has no uplink.
  let pasta: String?
  let command: Command
  /// What the command inherits beside the standard streams.
  let descriptors: NamedDescriptors
  /// As nohup(1) left it: a hangup that the caller ignores, the command ignores too.
  let ignoresHangup: Bool
  /// The launch's `--publish`.
  let publish: [PublishedPort]
  /// What is said when the command has ended.
  let report: LaunchReport?
}

extension Blueprint {
  /// Whether there are connections to relay that come by a port.
  var hasConnectionsByPort: Bool {
    configuration.hostPorts.contains { $0.value.transport == .tcp }
      || publish.contains { $0.transport == .tcp }
      || configuration.publications.contains {
        if case .port(let port) = $0.value { port.transport == .tcp } else { true }
      }
  }
}

/// What a launch says on standard error when its command has ended.
public enum LaunchReport: Sendable {
  /// How many names were asked for, and which destinations were refused.
  case summary
  /// The lines of the configuration that would have allowed what was refused.
  case configuration
}
