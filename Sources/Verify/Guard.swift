import Jail
import Linux
import Policy

/// The answer to Claude Code's question, at each of its starts, whether it may run: only in a jail. See
/// docs/decisions/0009.
public enum Guard {
  /// Why not, and how to fix it; nil when this process is in a jail, or the administrator wants none. The environment
  /// has no say.
  public static func refusal() -> String? {
    do {
      let configuration = try ConfigurationFiles.read()
      guard configuration.egressJail.value else { return nil }
      guard Confinement.isJail(configuration) else { return refused("this process is in no jail") }
      let plan = try Plan.make(configuration: configuration, facts: HostFacts())
      let failed = NetworkAttack(plan: plan).filterStands
      return failed.map { refused("packets that bypass the routes are not refused: \($0.saw)") }
    } catch {
      return (error as? LaunchFailure)?.text ?? refused("\(error)")
    }
  }

  private static func refused(_ objection: String) -> String {
    """
    claude-sandbox: refused: Claude Code must run in a jail here, and \(objection)
      fix: start it as claude, with /usr/local/bin first on PATH; have IDEs and SDKs start /usr/local/bin/claude. \
    An administrator can switch this off: egress-jail = 0 in \(ConfigurationFiles.main)
    """
  }
}
