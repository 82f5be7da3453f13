import ArgumentParser
import Jail
import Policy

struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the effective configuration, each value with where it comes from.",
    discussion:
      "Files: \(ConfigurationFiles.main), then \(ConfigurationFiles.directory)/*.conf in name order. Exit status 125 if they have errors, 1 if a proof fails."
  )

  @Flag(help: "Only check the files; print nothing if they are valid.")
  var check = false

  @Flag(help: "Prove that the filter a jail would have now agrees with the rules about every packet.")
  var prove = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if check && prove { throw ValidationError("--check and --prove exclude each other") }
  }

  private struct Entry: Encodable {
    let key: String
    let value: String
    let source: String
  }

  func run() throws {
    if prove { return try printProof() }
    let configuration = Invocation.orExit { () throws(LaunchFailure) in try ConfigurationFiles.read() }
    if check {
      // Rules can be right, each of them, and too many for a filter.
      _ = Invocation.orExit { () throws(LaunchFailure) in try Launch.plan() }
      return
    }
    let entries = Self.entries(configuration)
    if json {
      try JSON.print(entries)
    } else {
      print(Table.text(entries.map { ["\($0.key) = \($0.value)", "# \($0.source)"] }))
    }
  }

  private func printProof() throws {
    let (configuration, _, plan) = Invocation.orExit { () throws(LaunchFailure) in try Launch.plan() }
    Invocation.mentionWhere(configuration)
    let report = ProofReport(plan)
    if json { try JSON.print(report) } else { print(report.text) }
    if !report.proven { throw ExitCode.failure }
  }

  private static func entries(_ configuration: Configuration) -> [Entry] {
    ConfigurationKey.all.flatMap { key in
      key.entries(configuration).map { entry in
        Entry(
          key: key.name, value: entry.value,
          source: (entry.location.map(String.init(describing:)) ?? "default")
            + (key.isForeign ? ": belongs to a file-system sandbox, ignored here" : ""))
      }
    }
  }
}
