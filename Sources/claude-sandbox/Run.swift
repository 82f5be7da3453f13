import ArgumentParser
import Jail
import Policy

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a command in a jail.",
    usage: "claude-sandbox run [--network none] [--dry-run] -- COMMAND [ARGUMENT ...]",
    discussion: """
      The exit status is the command's own. 125: the launch was refused or failed, and the command did not run; 126: it cannot be executed; \
      127: it was not found.
      """)

  @Option(help: "'none': loopback only. The configuration decides otherwise.")
  var network: NetworkOption?

  @Flag(help: "Print what the jail would reach, and run nothing.")
  var dryRun = false

  @Argument(parsing: .postTerminator, help: "The command and its arguments.")
  var command: [String] = []

  func validate() throws {
    if command.isEmpty && !dryRun { throw ValidationError("A command is missing. Usage: claude-sandbox run -- COMMAND") }
  }

  func run() throws {
    // The raw bytes: arguments need not be text.
    let arguments = Array(Invocation.arguments.suffix(command.count))
    try Invocation.finish(launching: Command(arguments: arguments, environment: Invocation.environment), network: network?.mode)
  }
}

/// What may be asked for on the command line: only less than the configuration gives.
enum NetworkOption: String, ExpressibleByArgument {
  case loopbackOnly = "none"

  var mode: NetworkMode { .none }
}
