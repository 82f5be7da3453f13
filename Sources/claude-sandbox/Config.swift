import ArgumentParser
import Jail
import Linux
import Policy
import Record

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

  private struct Report: Encodable {
    let version = JSON.version
    let verdict = "valid"
    var settings: [Setting]?
    var rules: [RuleReport]?
    /// Rules about names, those of presets too.
    var names: [DomainReport]?
    var ports: [PortReport]?
    /// The project's file.
    var project: String?
    var warnings: [String] = []
  }

  private struct Setting: Encodable {
    let key: String
    let value: Value
    /// Whether it belongs to another program.
    let ignored: Bool
    let origin: OriginReport
  }

  private enum Value: Encodable {
    case flag(Bool)
    case text(String)

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .flag(let value): try container.encode(value)
      case .text(let value): try container.encode(value)
      }
    }
  }

  func run() throws {
    if prove { return try printProof() }
    // Rules can be right, each of them, and too many for a filter.
    let (configuration, project, warnings) = Invocation.orExit(json: json) { () throws(LaunchFailure) in
      let (configuration, project) = try Launch.configuration()
      let plan = try check ? Launch.plan().2 : (try? Launch.plan())?.2
      return (configuration, project, ConfigurationWarning.all(configuration, plan, .own).map { "\($0)" })
    }
    if check {
      if json { try JSON.print(Report(project: project, warnings: warnings)) }
    } else if json {
      try JSON.print(
        Report(
          settings: Self.settings(configuration), rules: configuration.rules.map(RuleReport.init),
          names: configuration.domains.map(DomainReport.init),
          ports: configuration.portLines.map(PortReport.init), project: project, warnings: warnings))
    } else {
      Output.print(Table.text(Self.lines(configuration)))
    }
    for warning in warnings { Process.complain("claude-sandbox: warning: \(warning.visible(limit: 1000))\n") }
    if check { Self.mentionJails() }
  }

  /// Right files are not all: says which running jails do not have what they say. One that has just been told of a mistake gets
  /// the second in which it follows.
  private static func mentionJails() {
    func jails() -> [RunningJail] {
      let list = try? JailList.ask(.status, all: Process.userID == 0, decoder: JailStatus.decoded)
      return list?.jails ?? []
    }
    var running = jails()
    if running.contains(where: { $0.status?.configurationProblem != nil }) {
      _ = try? wait([Interest<Void>](), until: .now + .seconds(1))
      running = jails()
    }
    for jail in running {
      for note in jail.status?.configurationNotes ?? [] {
        Process.complain("claude-sandbox: jail \(jail.label): \(note)\n")
      }
    }
  }

  private func printProof() throws {
    let (configuration, _, plan) = Invocation.orExit(json: json) { () throws(LaunchFailure) in
      try Launch.plan()
    }
    Invocation.mentionWhere(configuration)
    let report = ProofReport(plan)
    if json { try JSON.print(report) } else { Output.print(report.text) }
    if !report.isProven { throw ExitCode.failure }
  }

  private static func settings(_ configuration: Configuration) -> [Setting] {
    ConfigurationKey.all.filter { !$0.isRule }.flatMap { key in
      key.entries(configuration).map { entry in
        let flag = key.isBoolean ? parseBoolean(entry.value) : nil
        return Setting(
          key: key.name, value: flag.map(Value.flag) ?? .text(entry.value), ignored: key.isForeign,
          origin: OriginReport(entry.location.map { .configuration($0, key: key.name) }))
      }
    }
  }

  private static func lines(_ configuration: Configuration) -> [[String]] {
    ConfigurationKey.all.flatMap { key in
      key.entries(configuration).map { entry in
        [
          "\(key.name) = \(entry.value)",
          "# " + (entry.location.map(String.init(describing:)) ?? "default")
            + (key.isForeign ? ": belongs to a file-system sandbox, ignored here" : ""),
        ]
      }
    }
  }
}
