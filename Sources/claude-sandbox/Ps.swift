import ArgumentParser
import Jail
import Linux
import Record

struct Ps: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List your running jails.",
    discussion: """
      Each with the launcher's process number, its network, how long it has been running, how many packets were refused, what its \
      processes take of memory, the directory in which it was started, and its command. A jail cannot list jails. The exit status is 0 \
      also when none is running.
      """)

  @Flag(help: "List the jails of all users; for root.")
  var all = false

  @Flag(help: "Print JSON.")
  var json = false

  private struct Report: Encodable {
    let version = JSON.version
    let verdict = "listed"
    let jails: [Row]
    /// How many sockets could not be asked.
    let unasked: Int
  }

  private struct Row: Encodable {
    let pid: Int32?
    let uid: UInt32
    /// Whether the supervisor did; the rest is known only then.
    let answered: Bool
    let command: [String]?
    let directory: String?
    let network: String?
    let project: String?
    let names: Int?
    let connections: Int?
    let since: String?
    let name: String?
    let ports: [JailStatus.Port]?
    let refused: Int?
    /// In bytes.
    let memory: Int?
    let recordProblem: String?
    let configurationProblem: String?
    let waitingKeys: [String]?
    let isWatched: Bool?

    init(_ jail: RunningJail) {
      let status = jail.status
      (pid, uid, answered) = (jail.launcher, jail.user, status != nil)
      (command, directory, network) = (status?.command, status?.directory, status?.network)
      (project, names, connections) = (status?.project, status?.names, status?.connections)
      since = status.map { Timestamp(milliseconds: $0.since * 1000).description }
      (name, ports) = (status?.name, status?.ports)
      (refused, memory) = (status?.refused, jail.memory.map { $0 * 1024 })
      (recordProblem, configurationProblem) = (status?.recordProblem, status?.configurationProblem)
      (waitingKeys, isWatched) = (status?.waitingKeys, status?.isWatched)
    }
  }

  func run() throws {
    Invocation.refuseInJail(json: json)
    if all && Process.userID != 0 {
      Invocation.exitUnavailable("ps --all: only root may ask the jails of other users", json: json)
    }
    let list = try JailList.ask(.status, all: all, decoder: JailStatus.decoded)
    if json {
      try JSON.print(Report(jails: list.jails.map(Row.init), unasked: list.unasked))
    } else if list.jails.isEmpty {
      Process.complain("claude-sandbox: no jail is running\n")
    } else {
      Output.print(JailTable(list.jails, showsUsers: all).text)
    }
    list.complain()
  }
}
