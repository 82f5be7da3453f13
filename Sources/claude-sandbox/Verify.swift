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
      network proves nothing. The attacks send other hosts only what a jail refuses; without a jail nothing is sent. The exit status is 0 \
      only if no check fails.
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

  private struct Row: Codable {
    let name: String
    let state: String
    let tried: String
    let expected: String
    let saw: String

    init(_ check: Check) {
      (name, state, tried) = (check.name, check.state.rawValue, check.tried)
      (expected, saw) = (check.expected, check.saw)
    }

    var check: Check? {
      Check.State(rawValue: state).map { Check(name, $0, tried: tried, expected: expected, saw: saw) }
    }
  }

  func run() throws {
    if attack {
      let checks = Verification.inside(targets: target.compactMap(Target.init), offline: offline)
      return try Attacker.answer(JSON.text(checks.map(Row.init)) + "\n")
    }
    let checks: [Check]
    if Verification.isInside {
      checks = Verification.inside(targets: [], offline: offline)
    } else {
      do {
        checks = try Verification.outside(attack: launch) + GuardSettings.checks()
      } catch {
        let saw = (error as? LaunchFailure)?.text ?? "\(error)"
        checks = [Check("a jail is launched", .failed, tried: "plan it", expected: "a jail", saw: saw)]
      }
    }
    report(checks)
    if !checks.allSatisfy({ $0.state != .failed }) { throw ExitCode.failure }
  }

  /// Runs this program again, in a jail; what it says of it.
  private func launch(_ targets: [Target]) throws -> [Check] {
    let program = try FileStatus.target(ofLink: "/proc/self/exe")
    var words =
      [program, "run", "--", program, "verify", "--attack"] + targets.flatMap { ["--target", "\($0)"] }
    if offline { words.append("--offline") }
    let report = try Attacker.launch(words.map { Array($0.utf8) }, environment: Process.environment)
    let status = report.status
    if status == 0, let rows = try? JSONDecoder().decode([Row].self, from: Data(report.answer)) {
      return rows.compactMap(\.check) + report.checks
    }
    let saw = status.map { "no answer, exit status \($0)" } ?? "it was killed"
    return [
      Check("a jail is launched", .failed, tried: "run this program in one", expected: "its answer", saw: saw)
    ]
  }

  /// A table's cell; --json has all of it.
  private static func cut(_ text: String) -> String { text.count > 60 ? text.prefix(57) + "..." : text }

  private func report(_ checks: [Check]) {
    if json {
      try? JSON.print(checks.map(Row.init))
      return
    }
    let words = [Check.State.ok: "ok", .limited: "limited", .skipped: "skipped", .failed: "FAIL"]
    print(Table.text(checks.map { [words[$0.state] ?? "", $0.name, Self.cut($0.tried), $0.saw] }))
    for check in checks where check.state == .failed {
      print(
        "\nFAIL: \(check.name)\n  tried: \(check.tried)\n  expected: \(check.expected)\n  saw: \(check.saw)")
    }
    let failed = checks.count { $0.state == .failed }
    let skipped = checks.filter { $0.state == .skipped }.map(\.name)
    let note = skipped.isEmpty ? "" : "; not tried: \(skipped.joined(separator: ", "))"
    print(
      failed == 0
        ? "\nThe jail holds: \(checks.count) checks\(note)."
        : "\n\(failed) of \(checks.count) checks failed\(note). Do not rely on this jail.")
  }
}
