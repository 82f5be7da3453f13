import Linux
public import Policy

/// Why a launch was refused, or failed, before the command ran: one case for each thing that a user can see
/// and mend.
public enum LaunchFailure: Error, Sendable {
  /// The configuration has errors; every one of all files.
  case configuration([Diagnostic])
  /// A configuration file or directory that someone else than the administrator could have written.
  case untrustedConfiguration(TrustedFile.Distrust)
  /// CLAUDE_SANDBOX_EGRESS_JAIL is neither yes nor no.
  case overrideValue(String)
  /// CLAUDE_SANDBOX_EGRESS_JAIL=0, but the administrator forbids it at this place.
  case overrideForbidden(SourceLocation?)
  /// Standard input, output or error is something that leads out of the jail.
  case standardStream(CInt, String)
  /// The working directory does not exist in the jail.
  case workingDirectory(String, errno: CInt)
  /// What the machine lacks; every one.
  case prerequisites([Prerequisite])
  /// The policy cannot be turned into walls.
  case plan(PlanError)
  /// The kernel would not keep two filters of this size for a socket, as replacing one in a step takes.
  /// Bytes.
  case optionMemory(needed: Int, limit: Int)
  /// A step of the launch failed.
  case step(LaunchStep, String)
  /// pasta ended before it was ready; its own words.
  case pasta(String)
  /// The command was not found (127) or cannot be executed (126).
  case command(String, errno: CInt)
  /// Under the name claude: there is no Claude Code to run.
  case noClaude
  /// `claude-binary` names this program, which would start itself forever.
  case claudeBinaryIsSandbox(String, SourceLocation?)
  /// The launcher was killed while the jail was being built.
  case launcherDied
  /// The supervisor could not go on; the command and all that it started were killed. Why.
  case supervisorFailed(String)
  /// The supervisor was killed; the command and all that it started were killed with it.
  case supervisorDied
  /// A failure in another process of the launch, as it described it.
  case relayed(status: CInt, isRefusal: Bool, text: String)

  /// The launcher's exit status: as env(1), timeout(1) and nohup(1) have it.
  public var exitStatus: CInt {
    switch self {
    case .command(_, let errno): errno == Errno.ENOENT || errno == Errno.ENOTDIR ? 127 : 126
    case .relayed(let status, _, _): status
    case .noClaude: 127
    default: 125
    }
  }

  /// Whether the jail was refused, so that naming the way round it makes sense.
  var isRefusal: Bool {
    switch self {
    case .prerequisites, .plan, .optionMemory, .step, .pasta, .standardStream, .workingDirectory: true
    case .relayed(_, let isRefusal, _): isRefusal
    default: false
    }
  }

  /// What failed, and how to mend it: lines for stderr, without a final line break.
  public var text: String {
    switch self {
    case .configuration(let diagnostics):
      let count = diagnostics.count == 1 ? "1 error" : "\(diagnostics.count) errors"
      return diagnostics.map(\.description).joined(separator: "\n")
        + "\nclaude-sandbox: refused: \(count) in the configuration"
        + "\n  fix: correct the lines above; check with: claude-sandbox config --check"
    case .untrustedConfiguration(let distrust):
      return refused("\(distrust)", fix: distrust.fix)
    case .overrideValue(let value):
      return refused(
        "\(Override.variable)=\(value) is neither yes nor no", fix: "set it to 0 or 1, or unset it")
    case .overrideForbidden(let place):
      let where_ = place.map { "\($0) (allow-override = no)" } ?? "allow-override = no"
      return refused("\(Override.variable)=0, which \(where_) forbids", fix: "unset \(Override.variable)")
    case .standardStream(let descriptor, let found):
      let name = ["standard input", "standard output", "standard error"][Int(descriptor)]
      return refused(
        "\(name) is \(found)", fix: "redirect it: to a file, through a pipe (| cat), or from /dev/null")
    case .workingDirectory(let path, let errno):
      return refused(
        "the working directory \(path) is not there in the jail: \(errnoText(errno))",
        fix: "cd to a directory that is not below /run, /dev or another place that a jail covers")
    case .prerequisites(let missing):
      return missing.map(\.refusal).joined(separator: "\n")
    case .plan(let error):
      let lines = error.description.split(separator: "\n", maxSplits: 1)
      return refused(String(lines.first ?? ""), fix: String(lines.last ?? ""))
    case .optionMemory(let needed, let limit):
      return refused(
        "the tap filter takes \(needed) bytes of the kernel's, and net.core.optmem_max is \(limit)",
        fix: "sysctl -w net.core.optmem_max=131072, or merge allow-ip lines into allow-net prefixes")
    case .step(let step, let reason):
      return refused("\(step.description): \(reason)", fix: "see what is missing: claude-sandbox doctor")
    case .pasta(let words):
      return refused(
        "pasta ended before it was ready: \(words)",
        fix: "see what is missing: claude-sandbox doctor")
    case .command(let name, let errno):
      return "claude-sandbox: \(name): \(errno == Errno.ENOENT ? "command not found" : errnoText(errno))"
    case .noClaude:
      return
        "claude-sandbox: Claude Code was not found: not where its installers put it, not in /usr/bin, not on PATH"
        + "\n  fix: npm install -g @anthropic-ai/claude-code, or claude-binary = PATH in \(ConfigurationFiles.main)"
    case .claudeBinaryIsSandbox(let path, let place):
      return refused(
        "\(place.map { "\($0): " } ?? "")claude-binary = \(path) is claude-sandbox itself",
        fix: "name the real Claude Code, or remove the line and it is searched for")
    case .launcherDied:
      return "claude-sandbox: the launcher was killed"
    case .supervisorFailed(let reason):
      return "claude-sandbox: the supervisor failed, and the jail with it: \(reason)"
    case .supervisorDied:
      return "claude-sandbox: the supervisor was killed, and the jail with it"
    case .relayed(_, _, let text):
      return text
    }
  }

  /// The text, and for a refusal the line that names the override, unless the administrator forbids it.
  func text(overrideAllowed: Bool) -> String {
    guard isRefusal && overrideAllowed else { return text }
    return text + "\n  or run without the jail, at your own risk: \(Override.variable)=0"
  }

  private func refused(_ what: String, fix: String) -> String {
    "claude-sandbox: refused: \(what)\n  fix: \(fix)"
  }
}

/// The numbered steps of a launch, in order; docs and messages use these names.
public enum LaunchStep: Int, Sendable, CustomStringConvertible {
  case read = 1, preflight, facts, plan, isolate, wall, windows, uplink, seal, execute, supervise

  public var description: String {
    switch self {
    case .read: "reading the configuration"
    case .preflight: "checking the prerequisites"
    case .facts: "reading the host's network"
    case .plan: "planning the walls"
    case .isolate: "entering new namespaces"
    case .wall: "raising the wall of routes"
    case .windows: "opening the jail's windows"
    case .uplink: "connecting the uplink"
    case .seal: "sealing the jail"
    case .execute: "executing the command"
    case .supervise: "starting the supervisor"
    }
  }

  /// Runs a step's work; whatever it throws becomes this step's failure.
  func run<Result: ~Copyable>(_ work: () throws -> Result) throws(LaunchFailure) -> Result {
    do {
      return try work()
    } catch let failure as LaunchFailure {
      throw failure
    } catch {
      throw .step(self, "\(error)")
    }
  }
}
