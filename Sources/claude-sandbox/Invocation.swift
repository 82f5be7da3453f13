import ArgumentParser
import Jail
import Linux
import Policy

/// How this process was started, and how it ends.
enum Invocation {
  static let arguments = Process.arguments
  static let environment = Process.environment

  /// Runs a command in a jail and ends as it ended: with its status, or by its signal.
  static func finish(launching command: Command, network: NetworkMode?) throws -> Never {
    do throws(LaunchFailure) {
      let status = try Launch.run(command, network: network)
      if let signal = status.terminationSignal { Process.dieBySignal(signal) }
      Process.exit(status.exitStatus ?? 125)
    } catch {
      Process.complain(error.text + "\n")
      Process.exit(error.exitStatus)
    }
  }
}
