import ArgumentParser
import Jail
import Policy

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a command in a jail.",
    usage: "claude-sandbox run [--network none] [--dry-run [--json]] -- COMMAND [ARGUMENT ...]",
    discussion: """
      The exit status is the command's own, and a signal that kills it kills claude-sandbox too. 125: the launch was refused or failed, and the \
      command did not run; 126: the command cannot be executed; 127: it was not found.
      """)

  @OptionGroup var options: JailOptions

  @Flag(help: "Print what the jail would be, and run nothing.")
  var dryRun = false

  @Flag(help: "Print the dry run as JSON.")
  var json = false

  @Argument(parsing: .postTerminator, help: "The command and its arguments.")
  var command: [String] = []

  func validate() throws {
    if json && !dryRun { throw ValidationError("--json goes with --dry-run") }
    if command.isEmpty && !dryRun {
      throw ValidationError("the command is missing: claude-sandbox run -- COMMAND")
    }
  }

  func run() throws {
    if dryRun {
      let (configuration, _, plan) = Invocation.orExit { () throws(LaunchFailure) in
        try Launch.plan(network: options.network?.mode)
      }
      Invocation.mentionMissingJail(configuration)
      try PlanReport(plan).print(json: json)
    } else {
      // The raw bytes: arguments need not be text.
      Invocation.finish(
        launching: Array(Invocation.arguments.suffix(command.count)), network: options.network?.mode)
    }
  }
}

/// What can be asked for on the command line: only less than the configuration gives.
struct JailOptions: ParsableArguments {
  enum Network: String, ExpressibleByArgument {
    case loopbackOnly = "none"

    var mode: NetworkMode { .none }
  }

  @Option(help: "'none': loopback only, whatever the configuration says.")
  var network: Network?
}
