import Linux
public import Policy

/// This program under the name `claude`, in front of the real Claude Code.
///
/// Which of several programs it finds is no boundary: whatever it is, it runs in the jail.
public enum Shim {
  public static let name = "claude"
  /// Where our Debian package keeps another's /usr/bin/claude (packaging/deb).
  static let diverted = "/usr/bin/claude.distrib"

  /// The real Claude Code: what the configuration names, or the first that is executable and not this program.
  public static func program(_ environment: Environment, _ configuration: Configuration) throws(LaunchFailure)
    -> String
  {
    if let path = configuration.claudeBinary.value {
      if isThisProgram(path) { throw .claudeBinaryIsSandbox(path, configuration.claudeBinary.location) }
      return path
    }
    guard let path = candidates(environment).first(where: { isExecutable($0) && !isThisProgram($0) }) else {
      throw .noClaude(configuration: ConfigurationFiles.main)
    }
    return path
  }

  /// Where installers put it, then PATH.
  private static func candidates(_ environment: Environment) -> [String] {
    var directories: [String] = []
    if let home = environment["HOME"], home.hasPrefix("/") {
      directories += ["\(home)/.local/bin", "\(home)/.claude/local"]
      if let prefix = environment["NPM_CONFIG_PREFIX"], prefix.hasPrefix("/") {
        directories.append("\(prefix)/bin")
      }
      directories.append("\(home)/.npm-global/bin")
    }
    directories.append("/usr/bin")
    return (directories + path(environment)).map { "\($0)/\(name)" } + [diverted]
  }

  private static func path(_ environment: Environment) -> [String] {
    (environment["PATH"] ?? "").split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
  }

  public static func isThisProgram(_ path: String) -> Bool {
    guard let own = try? FileStatus.of("/proc/self/exe"), let other = try? FileStatus.of(path) else {
      return false
    }
    return own.identity == other.identity
  }

  /// Whether PATH finds another `claude` before the shim that it holds; nil when it holds none.
  public static func precedence(_ environment: Environment) -> Prerequisite? {
    let found = path(environment).map { "\($0)/\(name)" }.filter(isExecutable)
    guard let shim = found.first(where: isThisProgram), let first = found.first else { return nil }
    if isThisProgram(first) { return .ok(name, "\(shim) comes first on PATH") }
    return .limited(
      name, "PATH finds \(first) before \(shim): it runs without a jail",
      fix: "put \(shim.parentDirectory) first, in the file that sets PATH (~/.profile, ~/.bashrc): "
        + "export PATH=\(shim.parentDirectory):$PATH")
  }
}
