import Policy

extension LaunchFailure {
  /// `--publish` of a launch that stays in the jail that it is in.
  static let publishInJail = publish(
    "--publish: this is a jail, and its ports are published from outside",
    fix: "claude-sandbox publish, where this jail was started")
}

extension Configuration {
  /// Refuses `--publish` where it asks for more than the user's own loopback, or for what cannot stand beside the configuration.
  func check(publish ports: [PublishedPort]) throws(LaunchFailure) {
    var configuration = self
    for port in ports {
      guard port.isOnLoopback else {
        throw .publish(
          "--publish \(port): only the configuration publishes at an address that is not loopback",
          fix: "write publish = \(port) in \(ConfigurationFiles.main)")
      }
      do {
        try configuration.add(Sourced(.published(port)))
      } catch {
        throw .publish("--publish \(port): \(error.message)", fix: error.hint)
      }
    }
  }
}
