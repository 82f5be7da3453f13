public import Policy

/// Whether there is to be a jail at all.
///
/// The environment wins over the file, unless the administrator said `allow-override = no`. Inside a jail the
/// override changes nothing: a command that is started without a jail of its own stays in the one around it.
public enum Override {
  /// The environment variable that switches the jail off or on.
  public static let variable = "CLAUDE_SANDBOX_EGRESS_JAIL"

  /// Decides from the variable's value (nil when it is not set) and the configuration.
  public static func wantsJail(
    environment value: String?, _ configuration: Configuration
  ) throws(LaunchFailure) -> Bool {
    guard let value else { return configuration.egressJail.value }
    guard let wanted = parseBoolean(value) else { throw .overrideValue(value) }
    if !wanted && !configuration.allowOverride.value {
      throw .overrideForbidden(configuration.allowOverride.location)
    }
    return wanted
  }
}
