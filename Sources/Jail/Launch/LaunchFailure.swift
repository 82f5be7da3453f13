import Linux
public import Policy

/// Why a launch was refused, or failed, before the command ran: one case for each thing that a user can see
/// and fix.
public enum LaunchFailure: Error, Sendable {
  /// The configuration has errors; every one of all files.
  case configuration([Diagnostic])
  /// A configuration file or directory that someone other than the administrator could have written.
  case untrustedConfiguration(TrustedFile.Distrust)
  /// CLAUDE_SANDBOX_EGRESS_JAIL is neither yes nor no.
  case overrideValue(String)
  /// CLAUDE_SANDBOX_EGRESS_JAIL=0, but the administrator forbids it at this place.
  case overrideForbidden(SourceLocation?)
  /// Standard input, output or error is something that leads out of the jail.
  case standardStream(CInt, String)
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
    case .prerequisites, .plan, .optionMemory, .standardStream: true
    case .jail(let failure): failure.finding != nil
    default: false
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
    case .prerequisites(let missing):
      return missing.map(\.refusal).joined(separator: "\n")
    case .plan(let error):
      return refused(error.problem, fix: error.fix)
    case .optionMemory(let needed, let limit):
      return refused(
        "the tap filter needs \(needed) bytes of kernel socket memory, and net.core.optmem_max is \(limit)",
        fix: "sysctl -w net.core.optmem_max=131072, or merge allow-ip lines into allow-net prefixes")
    case .noClaude(let configuration):
      return
        "claude-sandbox: Claude Code was not found where its installers put it, in /usr/bin or on PATH"
        + "\n  fix: npm install -g @anthropic-ai/claude-code, or set claude-binary = PATH in \(configuration)"
    case .claudeBinaryIsSandbox(let path, let place):
      return refused(
        "\(place.map { "\($0): " } ?? "")claude-binary = \(path) is claude-sandbox itself",
        fix: "name the real Claude Code, or remove the line to have it searched for")
    case .jail(let failure):
      return failure.text
    }
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

  /// The text, and for a refusal the line that names the override, unless the administrator forbids it.
  func text(overrideAllowed: Bool) -> String {
    guard isRefusal && overrideAllowed else { return text }
    return text + "\n  or run without the jail, at your own risk: \(Override.variable)=0"
  }

  private func refused(_ what: String, fix: String) -> String {
    "claude-sandbox: refused: \(what)\n  fix: \(fix)"
  }
}
