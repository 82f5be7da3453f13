import Linux
public import Policy

/// Why a launch was refused, or failed, before the command ran: one case for each thing that a user can see
/// and fix.
public enum LaunchFailure: Error, Sendable {
  /// The configuration has errors; every one of all files.
  case configuration([Diagnostic])
  /// A configuration file or directory that someone other than the administrator could have written.
  case untrustedConfiguration(TrustedFile.Distrust)
  /// `--network` asks for more than the configuration gives.
  case networkIsWider(NetworkMode, Sourced<NetworkMode>)
  /// `--publish` asks for what cannot be had.
  case publish(String, fix: String)
  /// CLAUDE_SANDBOX_EGRESS_JAIL is neither yes nor no.
  case overrideValue(String)
  /// CLAUDE_SANDBOX_EGRESS_JAIL=0, but the administrator forbids it at this place.
  case overrideForbidden(SourceLocation?)
  /// Standard input, output or error is something that leads out of the jail.
  case standardStream(CInt, String)
  /// A descriptor that the command line names is something that leads out of the jail, or may.
  case namedDescriptor(CInt, String)
  /// What the machine lacks; every one.
  case prerequisites([Prerequisite])
  /// The policy cannot be turned into walls.
  case plan(PlanError)
  /// The kernel would not keep two filters of this size for a socket, as replacing one in a step takes.
  /// Bytes.
  case optionMemory(needed: Int, limit: Int)
  /// Under the name claude: there is no Claude Code to run. Where one can be named.
  case noClaude(configuration: String)
  /// `claude-binary` names this program, which would start itself forever.
  case claudeBinaryIsSandbox(String, SourceLocation?)
  /// A process of the jail failed.
  case jail(JailFailure)

  /// The launcher's exit status.
  public var exitStatus: CInt {
    switch self {
    case .jail(let failure): failure.exitStatus
    case .noClaude: 127
    default: 125
    }
  }

  /// Whether the jail was refused, so that naming the way round it makes sense.
  var isRefusal: Bool {
    switch self {
    case .prerequisites, .plan, .optionMemory, .standardStream, .namedDescriptor: true
    case .jail(let failure): failure.finding != nil
    default: false
    }
  }

  /// What failed, each thing by itself.
  public var complaints: [Complaint] {
    switch self {
    case .configuration(let diagnostics): return diagnostics.map(Complaint.init)
    case .prerequisites(let missing): return missing.map(\.complaint)
    case .jail(let failure): return [failure.complaint]
    case .untrustedConfiguration(let distrust):
      return [Complaint(.configuration, "\(distrust)", fix: distrust.fix)]
    case .networkIsWider(let asked, let given):
      let place = given.location.map { " (\($0))" } ?? ""
      let what = "--network \(asked.rawValue) is more than network = \(given.value.rawValue)\(place) gives"
      return [
        Complaint(
          .configuration, what, fix: "leave the option out: it can only take something away",
          at: given.location)
      ]
    case .publish(let what, let fix): return [Complaint(.configuration, what, fix: fix)]
    case .overrideValue(let value):
      let what = "\(Override.variable)=\(value) is neither yes nor no"
      return [Complaint(.override, what, fix: "set it to 0 or 1, or unset it")]
    case .overrideForbidden(let place):
      let line = place.map { "\($0) (allow-override = no)" } ?? "allow-override = no"
      let what = "\(Override.variable)=0, which \(line) forbids"
      return [Complaint(.override, what, fix: "unset \(Override.variable)", at: place)]
    case .standardStream(let descriptor, let found):
      let name = ["standard input", "standard output", "standard error"][Int(descriptor)]
      let fix = "redirect it: to a file, through a pipe (| cat), or from /dev/null"
      return [Complaint(.stream, "\(name) is \(found)", fix: fix)]
    case .namedDescriptor(let descriptor, let found):
      let fix = "close it (\(descriptor)>&-), or put a pipe or a file in its place: <(COMMAND)"
      return [
        Complaint(.stream, "descriptor \(descriptor), which the command line names, is \(found)", fix: fix)
      ]
    case .plan(let error):
      return [Complaint(.plan, error.problem, fix: error.fix)]
    case .optionMemory(let needed, let limit):
      let what =
        "the tap filter needs \(needed) bytes of kernel socket memory, and net.core.optmem_max is \(limit)"
      let fix = "sysctl -w net.core.optmem_max=131072, or merge allow-ip lines into allow-net prefixes"
      return [Complaint(.plan, what, fix: fix)]
    case .noClaude(let configuration):
      let what = "Claude Code was not found where its installers put it, in /usr/bin or on PATH"
      let fix = "npm install -g @anthropic-ai/claude-code, or set claude-binary = PATH in \(configuration)"
      return [Complaint(.claude, what, fix: fix)]
    case .claudeBinaryIsSandbox(let path, let place):
      let what = "\(place.map { "\($0): " } ?? "")claude-binary = \(path) is claude-sandbox itself"
      let fix = "name the real Claude Code, or remove the line to have it searched for"
      return [Complaint(.claude, what, fix: fix, at: place)]
    }
  }

  /// What failed, and how to fix it: lines for stderr, without a final line break.
  public var text: String {
    switch self {
    case .configuration(let diagnostics):
      let count = diagnostics.count == 1 ? "1 error" : "\(diagnostics.count) errors"
      return diagnostics.map(\.description).joined(separator: "\n")
        + "\nclaude-sandbox: refused: \(count) in the configuration"
        + "\n  fix: correct the lines above; check with: claude-sandbox config --check"
    case .noClaude: return complaints.map(\.failure).joined(separator: "\n")
    case .jail(let failure): return failure.text
    default: return complaints.map(\.refusal).joined(separator: "\n")
    }
  }

  /// The same in one line, for lists: each complaint, its place and its fix.
  var line: String {
    complaints.map { complaint in
      let place = complaint.line == nil ? "" : complaint.location.map { "\($0): " } ?? ""
      return place + complaint.message + (complaint.fix.map { " (\($0))" } ?? "")
    }.joined(separator: "; ")
  }

  /// The failure in terms of what the machine lacks, if it lacks something: each cause is said once. pasta's own words are kept.
  func explained(by missing: [Prerequisite]) -> LaunchFailure {
    guard case .jail(let failure) = self, let finding = failure.finding, !missing.isEmpty else { return self }
    guard case .pasta = failure else { return .prerequisites(missing) }
    guard let index = missing.firstIndex(where: { $0.name == finding.name }) else {
      return .prerequisites([finding] + missing)
    }
    var missing = missing
    missing[index] = missing[index].adding(finding.finding)
    return .prerequisites(missing)
  }

  /// The way round a refusal, unless the administrator forbids it.
  public func override(allowed: Bool) -> String? {
    isRefusal && allowed ? "\(Override.variable)=0" : nil
  }

  /// The text, and the line that names the override.
  func text(overrideAllowed: Bool) -> String {
    text
      + (override(allowed: overrideAllowed).map { "\n  or run without the jail, at your own risk: \($0)" }
        ?? "")
  }
}
