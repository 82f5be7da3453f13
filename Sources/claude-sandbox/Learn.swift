import ArgumentParser
import Jail

struct Learn: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a command in a jail, and print the configuration lines that it would have needed.",
    usage: "claude-sandbox learn [--] COMMAND [ARGUMENT ...]",
    discussion: """
      The lines come on standard error when the command has ended, the narrowest first; what nobody should allow is a comment that says why. \
      A command that stops at its first refusal has to be run again once that line is in the configuration. The exit status is the \
      command's own.
      """)

  @Argument(parsing: .captureForPassthrough, help: "The command and its arguments.")
  var command: [String] = []

  private var words: ArraySlice<String> { command.first == "--" ? command.dropFirst() : command[...] }
  private var wantsHelp: Bool { ["-h", "--help"].contains(command.first) }

  func validate() throws {
    if wantsHelp { return }
    if let word = command.first, word.hasPrefix("-"), word != "--" {
      throw ValidationError("unknown option '\(word)'")
    }
    if words.isEmpty { throw ValidationError("the command is missing: claude-sandbox learn -- COMMAND") }
  }

  func run() throws {
    if wantsHelp { throw CleanExit.helpRequest(self) }
    Invocation.finish(
      launching: Array(Invocation.arguments.suffix(words.count)), network: nil, report: .configuration)
  }
}
