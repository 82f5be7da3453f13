import ArgumentParser
import Jail
import Linux

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
    // The usual form leaves nothing to parse, and parsing would take longer than raising the walls.
    if arguments.count > 3, arguments[1] == Array("run".utf8), arguments[2] == Array("--".utf8) {
      Invocation.finish(launching: Array(arguments[3...]), network: nil)
    }
    ClaudeSandbox.main()
  }
}
