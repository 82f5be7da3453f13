import ArgumentParser
import Jail
import Linux
import Record

struct Reload: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Have your running jails read the configuration again.",
    discussion: """
      They do so by themselves when it changes, unless 'ps' says otherwise. The exit status is 0 if each of them follows \
      the configuration now, 1 otherwise.
      """)

  @Argument(
    help: ArgumentHelp("The launcher of one jail, as 'ps' shows it; without it, all.", valueName: "pid"))
  var process: Int32?

  func run() throws {
    Invocation.refuseInJail()
    let jails: [RunningJail]
    if let process {
      guard let jail = try JailList.ask(.reload, launcher: process, decoder: JailStatus.decoded) else {
        Process.complain("claude-sandbox: \(process) is not the launcher of a jail of yours\n")
        throw ExitCode.failure
      }
      jails = [jail]
    } else {
      let list = try JailList.ask(.reload, decoder: JailStatus.decoded)
      list.complain()
      jails = list.jails
      if jails.isEmpty { Process.complain("claude-sandbox: no jail is running\n") }
    }
    if !jails.isEmpty { Output.print(Table.text(jails.map { [$0.label, Self.outcome($0)] })) }
    if !jails.allSatisfy({ $0.status.map { $0.configurationProblem == nil } ?? false }) {
      throw ExitCode.failure
    }
  }

  private static func outcome(_ jail: RunningJail) -> String {
    guard let status = jail.status else { return "does not answer" }
    if let problem = status.configurationProblem {
      return "goes on as it was: \(problem.visible(limit: 1000))"
    }
    return "follows the configuration" + (status.waiting(.launch).map { " but for \($0)" } ?? "")
  }
}
