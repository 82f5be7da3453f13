import ArgumentParser
import FoundationEssentials
import Jail
import Linux
import Verify

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prove a jail: launch one and attack it, or attack the jail that this runs in.",
    discussion: """
      Outside of a jail it starts services of its own (on the loopback, on every address of the host that the configuration does not open, on Unix sockets), launches a jail, \
      attacks it from inside, and checks whether any service was contacted. In a jail it attacks that jail. Controls come first: a dead \
      network proves nothing. The attacks send other hosts only what a jail refuses; without a jail nothing is sent. The \
      exit status is 0 when every wall holds, 1 when one does not or there is no jail, 2 when the walls hold and the internet cannot be \
      reached from it, 3 when an installed guard does not hold. Warnings change nothing.
      """)

  @Flag(help: "Skip the checks that need the internet.")
  var offline = false

  @Flag(help: "Print JSON.")
  var json = false

  @Option(parsing: .singleValue, help: .hidden)
  var target: [String] = []

  /// Set when this is the attacker in the jail that was launched for it.
  @Flag(help: .hidden)
  var attack = false

  private struct Report: Encodable {
    let version = JSON.version
    let verdict: String
    let checks: [Check]
    /// Why no jail was launched.
    let errors: [ErrorReport.Row]?
  }

  func run() throws {
    if attack {
      let checks = Verification.inside(targets: target.compactMap(Target.init), offline: offline)
      return try Attacker.answer(JSON.text(checks) + "\n")
    }
    let checks: [Check]
    var guards: [Check] = []
    var failure: LaunchFailure?
    if Confinement.isJail {
      checks = Verification.inside(targets: [], offline: offline)
    } else {
      do {
        checks = try Verification.outside(attack: launch)
        guards = GuardSettings.checks()
      } catch {
        failure = error as? LaunchFailure
        let saw = failure?.text ?? "\(error)"
        checks = [Check("a jail is launched", .failed, tried: "plan it", expected: "a jail", saw: saw)]
      }
    }
    let verdict = Verdict(checks, guards: guards)
    if json {
      try JSON.print(
        Report(
          verdict: verdict.rawValue, checks: checks + guards,
          errors: failure?.complaints.map(ErrorReport.Row.init)))
    } else {
      Output.print(Self.text(checks + guards, verdict))
    }
    if verdict != .holds { throw ExitCode(verdict.exitStatus) }
  }

  /// Runs this program again, in a jail; what it says of it.
  private func launch(_ targets: [Target]) throws -> [Check] {
    let program = try FileStatus.target(ofLink: "/proc/self/exe")
    var words =
      [program, "run", "--", program, "verify", "--attack"] + targets.flatMap { ["--target", "\($0)"] }
    if offline { words.append("--offline") }
    let report = try Attacker.launch(words.map { Array($0.utf8) }, environment: Process.environment)
    let status = report.status
    if status == 0, let checks = try? JSONDecoder().decode([Check].self, from: Data(report.answer)) {
      return checks + report.checks
    }
    let saw = status.map { "no answer, exit status \($0)" } ?? "it was killed"
    return [
      Check("a jail is launched", .failed, tried: "run this program in one", expected: "its answer", saw: saw)
    ]
  }

  /// A table's cell; --json has all of it.
  private static func cut(_ text: String) -> String { text.count > 60 ? text.prefix(57) + "..." : text }

  private static let words: [Check.State: String] = [
    .ok: "ok", .limited: "limited", .skipped: "skipped", .warning: "warning", .unreachable: "unreachable",
    .failed: "FAIL",
  ]

  private static func text(_ checks: [Check], _ verdict: Verdict) -> String {
    let table = Table.text(checks.map { [words[$0.state] ?? "", $0.name, cut($0.tried), $0.saw] })
    let bad = checks.filter { [.warning, .unreachable, .failed].contains($0.state) }.map { check in
      """
      \(words[check.state] ?? ""): \(check.name)
        tried: \(check.tried)
        expected: \(check.expected)
        saw: \(check.saw)
      """
    }
    return ([table] + bad + [sentence(checks, verdict)]).joined(separator: "\n\n")
  }

  private static func sentence(_ checks: [Check], _ verdict: Verdict) -> String {
    func names(_ state: Check.State, _ word: String) -> String {
      let names = checks.filter { $0.state == state }.map(\.name)
      return names.isEmpty ? "" : "; \(word): \(names.joined(separator: ", "))"
    }
    let notes = names(.skipped, "not tried") + names(.warning, "warning")
    switch verdict {
    case .holds: return "The jail holds: \(checks.count) checks\(notes)."
    case .unreachable:
      return
        "The walls hold: \(checks.count) checks\(notes). But the internet cannot be reached from the jail."
    case .unguarded:
      return
        "The jail holds: \(checks.count) checks\(notes). But the guard does not: Claude Code starts without a jail, too."
    case .broken:
      return
        "\(checks.count { $0.state == .failed }) of \(checks.count) checks failed\(notes). Do not rely on this jail."
    }
  }
}
