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
    case "verify-sandbox": return ClaudeSandbox.main(["verify"] + CommandLine.arguments.dropFirst())
    default: break
    }
    if let (command, network) = usualForm(arguments) {
      Invocation.finish(launching: command, network: network)
    }
    ClaudeSandbox.main()
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
