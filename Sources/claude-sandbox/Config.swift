import ArgumentParser
import Jail
import Policy

struct Config: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the effective configuration, each value with where it comes from.",
    discussion:
      "Files: \(ConfigurationFiles.main), then \(ConfigurationFiles.directory)/*.conf in name order. Exit status 125 if they have errors, 1 if a proof fails."
  )

  @Flag(help: "Only check the files; print nothing when they are right.")
  var check = false

  @Flag(help: "Prove that the filter a jail would have now agrees with the rules about every packet.")
  var prove = false

  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    if check && prove { throw ValidationError("--check prints nothing, --prove prints what it found") }
  }

  private struct Entry: Encodable {
    let key: String
    let value: String
    let source: String
  }

  func run() throws {
    if prove { return try printProof() }
    let configuration = Invocation.orExit { () throws(LaunchFailure) in try ConfigurationFiles.read() }
    if check { return }
    let entries = Self.entries(configuration)
    if json {
      try JSON.print(entries)
    } else {
      print(Table.text(entries.map { ["\($0.key) = \($0.value)", "# \($0.source)"] }))
    }
  }

  private func printProof() throws {
    let (_, _, plan) = Invocation.orExit { () throws(LaunchFailure) in try Launch.plan() }
    let report = ProofReport(plan)
    if json { try JSON.print(report) } else { print(report.text) }
    if !report.proven { throw ExitCode.failure }
  }

  private static func entries(_ configuration: Configuration) -> [Entry] {
    func entry<Value>(_ key: String, _ sourced: Sourced<Value>, _ text: (Value) -> String) -> Entry {
      Entry(
        key: key, value: text(sourced.value),
        source: sourced.location.map(String.init(describing:)) ?? "default")
    }
    let rules = configuration.rules.compactMap { rule -> Entry? in
      guard case .configuration(let location, let key) = rule.origin else { return nil }
      let destination = key.hasSuffix("-ip") ? "\(rule.prefix.address)" : "\(rule.prefix)"
      let value =
        rule.services == .all
        ? destination : (rule.prefix.family == .ipv6 ? "[\(destination)]" : destination) + ":\(rule.services)"
      return Entry(key: key, value: value, source: "\(location)")
    }
    let sockets = configuration.exposedSockets.map { entry("expose-socket", $0) { $0 } }
    let claude = configuration.claudeBinary.value.map { path in
      entry("claude-binary", configuration.claudeBinary) { _ in path }
    }
    let ignored = configuration.ignored.map {
      Entry(
        key: $0.key, value: $0.value ?? "",
        source: "\($0.location): belongs to a file-system sandbox, not acted upon")
    }
    return [
      entry("egress-jail", configuration.egressJail) { $0 ? "1" : "0" },
      entry("network", configuration.network, \.rawValue),
      entry("ipv6", configuration.ipv6, \.rawValue),
      entry("unix-sockets", configuration.unixSockets, \.rawValue),
      entry("allow-override", configuration.allowOverride) { $0 ? "yes" : "no" },
    ] + rules + sockets + (claude.map { [$0] } ?? []) + ignored
  }
}
