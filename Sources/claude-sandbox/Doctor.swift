import ArgumentParser
import Jail
import Linux

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
    let name: String
    let state: String
    let finding: String
    let fix: String?
  }

  func run() throws {
    let name = InteractiveShell.check()
    if shell {
      if let name {
        print([name.finding, name.fix.map { "  fix: \($0)" }].compactMap { $0 }.joined(separator: "\n"))
      }
      throw name?.fix == nil ? ExitCode.success : ExitCode.failure
    }
    let found =
      Prerequisites.check() + Readiness.check()
      + [RecordDirectory.check(.own), Shim.precedence(.own), name].compactMap { $0 }
    let isComplete = !found.contains { $0.state == .missing }
    if json {
      try JSON.print(
        found.map { Report(name: $0.name, state: $0.state.rawValue, finding: $0.finding, fix: $0.fix) })
    } else {
      print(Table.text(found.map { [$0.state.rawValue, $0.name, $0.finding] }))
      for item in found {
        if let fix = item.fix { print("\n\(item.name): \(item.finding)\n  fix: \(fix)") }
      }
      print(
        isComplete
          ? "\nA jail can be built here."
          : "\nNo jail can be built here: claude-sandbox refuses to run commands.")
    }
    throw isComplete ? ExitCode.success : ExitCode.failure
  }
}
