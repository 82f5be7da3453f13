internal import CLinux
internal import Glibc

/// Scopes of Landlock (landlock(7)): what a process and all that it starts may do to processes outside.
public enum Landlock {
  /// The first ABI with scopes: Linux 6.12.
  private static let scopes = 6

  /// The kernel's ABI; nil when it has no Landlock, or it is switched off.
  public static var abi: Int? {
    let version = clinux_landlock_abi()
    return version > 0 ? Int(version) : nil
  }

  public static var hasScopes: Bool { (abi ?? 0) >= scopes }

  /// From here on no signal and no connection to an abstract Unix socket leaves this process and its
  /// descendants. Needs no_new_privs.
  public static func scopeSignalsAndAbstractSockets() throws(SystemCallError) {
    let ruleset = FileDescriptor(owning: try check("landlock_create_ruleset") { clinux_landlock_scopes() })
    try check("landlock_restrict_self") { clinux_landlock_restrict(ruleset.rawValue) }
  }
}
