import ArgumentParser
import Jail
import Policy

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a command in a jail.",
    usage:
      "claude-sandbox run [--network MODE] [--publish PORT] [--summary] [--dry-run [--json]] [--] COMMAND [ARGUMENT ...]",
    discussion: """
      Everything from COMMAND on is the command's, options too. The exit status is the command's own, and a signal that kills it kills claude-sandbox too. 125: the launch was refused or failed, and the \
      command did not run; 126: the command cannot be executed; 127: it was not found.
      """)

  @OptionGroup var options: JailOptions

  @Option(
    help: ArgumentHelp(
      "Find a port of the jail on this host's loopback: 5173, 8080:5173, 127.0.0.1:0:5173, with /udp for UDP. Repeatable.",
      valueName: "port"),
    transform: publishedPort)
  var publish: [PublishedPort] = []

  @Flag(help: "Print what the jail would be, and run nothing.")
  var dryRun = false

  @Flag(help: "Print the dry run as JSON.")
  var json = false

  @Flag(help: "When the command has ended, print on standard error what it was refused.")
  var summary = false

  @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
  var command: [String] = []

  /// The command without the `--` that may stand before it.
  private var words: ArraySlice<String> { command.first == "--" ? command.dropFirst() : command[...] }

  func validate() throws {
    if summary && dryRun { throw ValidationError("--summary and --dry-run exclude each other") }
    if json && !dryRun { throw ValidationError("--json goes with --dry-run") }
    if wantsHelp { return }
    // A misspelt option is not a command.
    if let word = command.first, word.hasPrefix("-"), word != "--" {
      throw ValidationError("unknown option '\(word)'")
    }
    if words.isEmpty && !dryRun {
      throw ValidationError("the command is missing: claude-sandbox run -- COMMAND")
    }
  }

  /// What the parser would see, if it did not leave everything that it does not know to the command.
  private var wantsHelp: Bool { ["-h", "--help"].contains(command.first) }

  func run() throws {
    if wantsHelp { throw CleanExit.helpRequest(self) }
    if dryRun {
      let (configuration, _, plan) = Invocation.orExit(json: json) { () throws(LaunchFailure) in
        try Launch.plan(network: options.network?.mode, publish: publish)
      }
      Invocation.mentionWhere(configuration)
      let report = PlanReport(
        plan, configuration.portLines.map(PortReport.init) + publish.map(PortReport.init(option:)))
      if json { try JSON.print(report) } else { Output.print(report.text(of: plan)) }
    } else {
      // The raw bytes: arguments need not be text.
      Invocation.finish(
        launching: Array(Invocation.arguments.suffix(words.count)), network: options.network?.mode,
        publish: publish, report: summary ? .summary : nil)
    }
  }
}

/// A port on the command line.
@Sendable private func publishedPort(_ text: String) throws -> PublishedPort {
  do throws(PortSyntaxError) {
    return try PublishedPort(parsing: text)
  } catch {
    throw ValidationError("\(error.message)\n  hint: \(error.hint)")
  }
}

/// What can be asked for on the command line: only less than the configuration gives.
struct JailOptions: ParsableArguments {
  enum Network: String, CaseIterable, ExpressibleByArgument {
    case internet, restricted
    case loopbackOnly = "none"

    var mode: NetworkMode? { NetworkMode(rawValue: rawValue) }
  }

  @Option(
    help:
      "At most this, of what the configuration gives: 'restricted' only what is listed, 'none' loopback only."
  )
  var network: Network?
}
