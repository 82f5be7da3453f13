import ArgumentParser
import Jail
import Linux
import Policy
import Verify

/// How this process was started, and how it ends.
enum Invocation {
  static let arguments = Process.arguments

  /// The last component of the path that was executed. Not of argv[0], which is the caller's to choose: Claude Code
  /// starts its wrapper as "claude bg-pty-host". A program executed by descriptor has no path; there argv[0] is all.
  static var name: String? {
    let executed = Process.executedPath ?? []
    let path = executed.isEmpty || executed.starts(with: "/dev/fd/".utf8) ? arguments.first ?? [] : executed
    return path.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) }
  }

  /// Runs the real Claude Code in a jail; every argument is its own.
  static func finish(claude arguments: [[UInt8]]) -> Never {
    let path = orExit { () throws(LaunchFailure) in
      let configuration = try ConfigurationFiles.read()
      try refuseBackgroundSession(arguments, configuration)
      return try Shim.program(.own, configuration)
    }
    finish(launching: [Array(path.utf8)] + arguments, network: nil)
  }

  /// The daemon that such a session is given to would be in this command's jail, and end with it, at once.
  private static func refuseBackgroundSession(
    _ arguments: [[UInt8]], _ configuration: Configuration
  ) throws(LaunchFailure) {
    let options = arguments.prefix { $0 != Array("--".utf8) }
    guard let option = ["--bg", "--background"].first(where: { options.contains(Array($0.utf8)) }) else {
      return
    }
    let wish = Environment.own[Override.variable]
    guard try Override.wantsJail(environment: wish, configuration), !Confinement.isJail(configuration) else {
      return
    }
    Process.complain(
      "claude-sandbox: refused: claude \(option): a background session ends with the jail that it was started in\n"
        + "  fix: start a jail that stays: claude-sandbox shell, and run claude \(option) in it\n")
    Process.exit(125)
  }

  /// Runs a command in a jail and ends as it ended: with its status, or by its signal.
  static func finish(
    launching arguments: [[UInt8]], network: NetworkMode?, publish: [PublishedPort] = [],
    override: Bool = true, report: LaunchReport? = nil
  ) -> Never {
    finish(
      launching: Command(arguments: arguments), network: network, publish: publish, override: override,
      report: report)
  }

  static func finish(
    launching command: Command, network: NetworkMode?, publish: [PublishedPort] = [], override: Bool = true,
    report: LaunchReport? = nil
  ) -> Never {
    let status: WaitStatus
    do throws(Refusal) {
      status = try Launch.run(
        command, network: network, publish: publish, override: override, report: report)
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
    Output.print("{}")
    Process.exit(0)
  }

  /// What is printed about jails is not all there is to know in one, and does not hold for commands that run without one.
  static func mentionWhere(_ configuration: Configuration) {
    if Confinement.isJail(configuration) {
      return Process.complain(
        "claude-sandbox: this is a jail: by the configuration, and by this jail's own routes\n")
    }
    guard !configuration.egressJail.value, let place = configuration.egressJail.location else { return }
    Process.complain(
      "claude-sandbox: egress-jail = 0 (\(place)): without \(Override.variable)=1 there is no jail\n")
  }

  /// Jails are the host's to list: their sockets are in its network, which no jail is in.
  static func refuseInJail(json: Bool = false) {
    guard Confinement.isJail else { return }
    exitUnavailable("this is a jail: jails can be listed and reloaded from outside only", json: json)
  }

  /// The end of a command that is of no use here, or for this user.
  static func exitUnavailable(_ reason: String, json: Bool) -> Never {
    if json { try? JSON.print(ErrorReport(unavailable: reason)) }
    exit(1, saying: "claude-sandbox: \(reason)")
  }

  /// The result, or the end of this process with what failed on standard error, and as JSON where that was asked for.
  static func orExit<Result>(json: Bool = false, _ work: () throws(LaunchFailure) -> Result) -> Result {
    do throws(LaunchFailure) {
      return try work()
    } catch {
      if json { try? JSON.print(ErrorReport(error)) }
      exit(error.exitStatus, saying: error.text)
    }
  }

  static func exit(_ status: CInt, saying text: String) -> Never {
    Process.complain(text + "\n")
    Process.exit(status)
  }
}
