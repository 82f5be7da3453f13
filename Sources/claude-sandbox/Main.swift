import ArgumentParser
import Jail
import Linux
import Policy

/// Where the program starts.
@main
enum Main {
  static func main() {
    let arguments = Invocation.arguments
    // The runtime reads them from /proc. Without any, the parser would show its help and call that a success.
    if arguments.isEmpty {
      Process.complain("claude-sandbox: refused: /proc/self/cmdline cannot be read\n  fix: mount /proc\n")
      Process.exit(125)
    }
    // The names that it is installed under.
    switch Invocation.name {
    case Shim.name: Invocation.finish(claude: Array(arguments[1...]))
    case "claude-sandbox-wrap":
      Invocation.finish(launching: Array(arguments[1...]), network: nil, override: false)
    case "claude-sandbox-guard": Invocation.finishGuard()
    case "verify-sandbox": finish(["verify"] + CommandLine.arguments.dropFirst())
    default: break
    }
    if let (command, network) = usualForm(arguments) {
      Invocation.finish(launching: command, network: network)
    }
    finish(Array(CommandLine.arguments.dropFirst()))
  }

  /// What the parser's own `main` does, except that output which cannot be written is an error, and that a wrong usage is JSON, too,
  /// where that was asked for.
  private static func finish(_ words: [String]) -> Never {
    do {
      var command = try ClaudeSandbox.parseAsRoot(words)
      // A launch gives the command /dev/null in place of what is closed.
      if !(command is Shell), (command as? Run)?.dryRun != false { Output.claim() }
      try command.run()
      Process.exit(0)
    } catch {
      let status = ClaudeSandbox.exitCode(for: error)
      let text = ClaudeSandbox.fullMessage(for: error)
      if status.isSuccess {
        if !text.isEmpty { Output.print(text) }
      } else {
        if status == .validationFailure && words.prefix(while: { $0 != "--" }).contains("--json") {
          try? JSON.print(ErrorReport(usage: ClaudeSandbox.message(for: error)))
        }
        if !text.isEmpty { Process.complain(text + "\n") }
      }
      Process.exit(status.rawValue)
    }
  }

  /// `run [--network none] -- COMMAND` leaves nothing to parse, and parsing would take longer than raising the walls.
  private static func usualForm(_ arguments: [[UInt8]]) -> (command: [[UInt8]], network: NetworkMode?)? {
    func isWord(_ index: Int, _ word: String) -> Bool {
      index < arguments.count && arguments[index].elementsEqual(word.utf8)
    }
    guard isWord(1, "run") else { return nil }
    let isLoopbackOnly = isWord(2, "--network") && isWord(3, "none")
    let end = isLoopbackOnly ? 4 : 2
    guard isWord(end, "--"), arguments.count > end + 1 else { return nil }
    return (Array(arguments[(end + 1)...]), isLoopbackOnly ? NetworkMode.none : nil)
  }
}
