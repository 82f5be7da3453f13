import ArgumentParser
import FoundationEssentials
import Jail
import Linux
import Policy
import Verify

/// How this process was started, and how it ends.
enum Invocation {
  static let arguments = Process.arguments

  /// Runs the real Claude Code in a jail; every argument is its own.
  static func finish(claude arguments: [[UInt8]]) -> Never {
    let path = orExit { () throws(LaunchFailure) in try Shim.program(.own, ConfigurationFiles.read()) }
    finish(launching: [Array(path.utf8)] + arguments, network: nil)
  }

  /// Runs a command in a jail and ends as it ended: with its status, or by its signal.
  static func finish(launching arguments: [[UInt8]], network: NetworkMode?, override: Bool = true) -> Never {
    let status: WaitStatus
    do throws(Refusal) {
      status = try Launch.run(Command(arguments: arguments), network: network, override: override)
    } catch {
      exit(error.exitStatus, saying: error.text)
    }
    if let signal = status.terminationSignal { Process.dieBySignal(signal) }
    Process.exit(status.exitStatus ?? 125)
  }

  /// Answers Claude Code: settings without content, or a refusal.
  static func finishGuard() -> Never {
    if let refusal = Guard.refusal() {
      Process.complain(refusal + "\n")
      Process.exit(1)
    }
    try? FileDescriptor(owning: 1).write("{}\n".utf8)
    Process.exit(0)
  }

  /// What is told about jails does not hold for commands that run without one.
  static func mentionMissingJail(_ configuration: Configuration) {
    guard !configuration.egressJail.value, let place = configuration.egressJail.location else { return }
    Process.complain(
      "claude-sandbox: egress-jail = 0 (\(place)): without \(Override.variable)=1 there is no jail\n")
  }

  /// The result, or the end of this process with what failed on standard error.
  static func orExit<Result>(_ work: () throws(LaunchFailure) -> Result) -> Result {
    do throws(LaunchFailure) {
      return try work()
    } catch {
      exit(error.exitStatus, saying: error.text)
    }
  }

  private static func exit(_ status: CInt, saying text: String) -> Never {
    Process.complain(text + "\n")
    Process.exit(status)
  }
}

/// Machine-readable output: one JSON value, keys sorted.
enum JSON {
  static func print(_ value: some Encodable) throws { Swift.print(try text(value)) }

  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}
