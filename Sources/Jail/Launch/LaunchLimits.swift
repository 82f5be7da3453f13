import Policy

/// What a launch takes off the administrator's configuration, and keeps off it as long as the jail runs: by the command line, and by the
/// project's file as it was then.
struct LaunchLimits: Sendable {
  /// `--network`.
  let network: NetworkMode?
  let project: ProjectFile?

  /// At the launch.
  init(_ network: NetworkMode?, _ configuration: Configuration) throws(LaunchFailure) {
    let asked = configuration.network
    if let network, network.isWider(than: asked.value) { throw .networkIsWider(network, asked) }
    self.network = network
    project = try ProjectFile.find(trusting: configuration.trustedProjects)
  }

  /// The configuration with the limits. Whatever the files have become since the launch, it is not wider than they are; and a running
  /// jail follows them, whatever its project's file would have opened.
  func applied(to configuration: Configuration, isRunning: Bool = false) throws(LaunchFailure)
    -> Configuration
  {
    var configuration = configuration
    if let project {
      configuration = try parsing { () throws(ConfigurationError) in
        try configuration.tightened(
          by: (project.path, project.bytes), mayWiden: project.mayWiden,
          leavingOutRest: isRunning)
      }
      do throws(LaunchFailure) {
        try configuration.expandPresets(of: [TrustedText(path: project.path, bytes: project.bytes)])
      } catch {
        // A preset that has gone meanwhile opens nothing, and keeps nothing open.
        if !isRunning { throw error }
      }
    }
    if let network, configuration.network.value.isWider(than: network) {
      configuration.network = Sourced(network)
    }
    return configuration
  }
}
