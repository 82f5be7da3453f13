import ArgumentParser
import Jail
import Verify

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Check everything that a jail needs of this machine.",
    discussion: "The exit status is 0 when a jail can be built here, 1 otherwise.")

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(
    help: "Only show what 'claude' is in your interactive shell; exit status 1 if it is not the jailed one."
  )
  var shell = false

  private struct Report: Encodable {
    let version = JSON.version
    /// The worst of all states.
    let verdict: Prerequisite.State
    let findings: [Prerequisite]

    init(_ findings: [Prerequisite]) {
      self.findings = findings
      verdict = [.missing, .limited].first { state in findings.contains { $0.state == state } } ?? .ok
    }
  }

  func run() throws {
    let name = InteractiveShell.check()
    if shell {
      if json {
        try JSON.print(Report([name].compactMap { $0 }))
      } else if let name {
        Output.print(
          [name.finding, name.fix.map { "  fix: \($0)" }].compactMap { $0 }.joined(separator: "\n"))
      }
      throw name?.fix == nil ? ExitCode.success : ExitCode.failure
    }
    let isInside = Confinement.isJail
    let machine =
      isInside ? [Prerequisite.ok("jail", "what is launched here stays in this jail")] : Prerequisites.check()
    let found =
      machine + Readiness.check()
      + [isInside ? nil : RecordDirectory.check(.own), Shim.precedence(.own), name].compactMap { $0 }
    let report = Report(found)
    if json { try JSON.print(report) } else { Output.print(Self.text(report, isInside: isInside)) }
    throw report.verdict == .missing ? ExitCode.failure : ExitCode.success
  }

  private static func text(_ report: Report, isInside: Bool) -> String {
    let fixes = report.findings.compactMap { item in
      item.fix.map { "\(item.name): \(item.finding)\n  fix: \($0)" }
    }
    let end =
      report.verdict == .missing
      ? "No jail can be built here: claude-sandbox refuses to run commands."
      : isInside ? "This is a jail." : "A jail can be built here."
    let table = Table.text(report.findings.map { [$0.state.rawValue, $0.name, $0.finding] })
    return ([table] + fixes + [end]).joined(separator: "\n\n")
  }
}
