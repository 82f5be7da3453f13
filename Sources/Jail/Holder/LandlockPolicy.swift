import Linux
import Policy

/// What Landlock closes: signals and abstract sockets wherever the kernel can, and with `unix-sockets = own` every
/// Unix socket of outside that is not exposed.
enum LandlockPolicy {
  /// Applies to this process and all that it will start. After the mounts, of which it may forbid more.
  static func install(_ configuration: Configuration, _ exposed: [ExposedSocket]) throws {
    switch configuration.unixSockets.value {
    case .listed:
      // Optional: a kernel before 6.12 has no scopes. Then the command can signal its user's processes outside, as
      // `doctor` tells; no network is opened by that.
      if Landlock.hasScopes { try Landlock.Ruleset(ownSockets: false).enter() }
    case .own:
      // Not optional: the kernel refuses the ruleset if it cannot do what it says.
      let ruleset = try Landlock.Ruleset(ownSockets: true)
      for socket in exposed { try ruleset.allowConnecting(to: socket.place) }
      try ruleset.enter()
    }
  }
}
