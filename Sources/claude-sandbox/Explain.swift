import ArgumentParser
import Jail
import Linux
import Policy
import Record

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show whether a jail could reach a host, and which rule decides.",
    discussion: """
      HOST is an address or a name, which is looked up as this host does it. PORT is a number, or the name of a usual service. URLs and \
      USER@HOST:PATH work too. Without a port, every service is listed; a port without a protocol means TCP and UDP. The exit status is 0 \
      if everything asked about is reachable, 1 if anything is blocked, 2 if the name has no address.
      """)

  @Argument(help: ArgumentHelp("What to reach.", valueName: "host[:port][/tcp|/udp|/icmp]"))
  var destination: String

  @Flag(help: "Print JSON.")
  var json = false

  private struct Report: Encodable {
    let version = JSON.version
    let destination: String
    let verdict: String
    let answers: [ExplainedRow]
    /// The last time that a jail was refused it, as far as that is recorded.
    let lastRefused: Refusal?
    /// Why nothing is known.
    let errors: [ErrorReport.Row]?
  }

  private struct Refusal: Encodable {
    let time: String
    let destination: String
    let sender: String
  }

  func run() throws {
    let query = try query()
    let (configuration, _, plan) = Invocation.orExit(json: json) { () throws(LaunchFailure) in
      try Launch.plan()
    }
    Invocation.mentionWhere(configuration)
    let explanation =
      isOwnLoopback(query, configuration)
      ? Explanation(loopback: query, configuration)
      : explanation(query, plan, isInside: Confinement.isJail(configuration))
    if let problem = explanation.problem { Process.complain("claude-sandbox: \(problem)\n") }
    let rows = explanation.rows
    let last = Confinement.isJail(configuration) ? nil : Self.lastRefusal(explanation.subject, query)
    if json {
      try JSON.print(
        Report(
          destination: destination, verdict: explanation.verdict.rawValue, answers: rows,
          lastRefused: last.map { Refusal(time: "\($0.time)", destination: $0.subject, sender: $0.sender) },
          errors: explanation.problem.map { [ErrorReport.Row(kind: "name", message: $0)] }))
    } else if !rows.isEmpty {
      Output.print(
        Table.text(
          rows.map { [$0.destination, $0.reachable ? "reachable" : "blocked", $0.about, $0.because] }))
      if let last { Output.print(last.text(now: Timestamp(milliseconds: wallClock()))) }
    }
    if explanation.verdict != .reachable { throw ExitCode(explanation.verdict.exitStatus) }
  }

  /// The host by its name in containers, too: unless the host's own files lead elsewhere, and no line leads to the jail.
  private func isOwnLoopback(_ query: DestinationQuery, _ configuration: Configuration) -> Bool {
    query.isLoopback
      || query.isHostByName
        && (!configuration.hostPorts.isEmpty || addresses(of: query.host).0.isEmpty)
  }

  /// By what the jail is told of a name, or else by the addresses that the host finds.
  private func explanation(_ query: DestinationQuery, _ plan: Plan, isInside: Bool) -> Explanation {
    if IPAddress(query.host) == nil, let name = DomainName(query.host), let names = plan.names,
      let explanation = Explanation(
        name, query, names, addresses: isInside ? nil : { self.addresses(of: $0) })
    {
      return explanation
    }
    let (addresses, problem) = self.addresses(of: query.host)
    let answers = addresses.map { address in
      // The configuration may have changed since this jail was launched; its routes have not.
      let isRefused = isInside && HostNetwork.refuses(address)
      return (
        address: address, answers: query.answers(isRefused ? plan.refused(address) : plan.reach(of: address))
      )
    }
    return Explanation(
      rows: answers.flatMap { address, answers in answers.map { ExplainedRow(address, $0) } },
      verdict: Reachability(answers.flatMap(\.answers)), problem: problem, subject: .addresses(Set(addresses))
    )
  }

  /// Nothing where nothing is recorded.
  private static func lastRefusal(_ subject: Explanation.Subject, _ query: DestinationQuery) -> LastRefusal? {
    do throws(RecordDirectory.Unavailable) {
      let store = try RecordStore(.own)
      var reader = RecordReader()
      let lines = reader.next(store, Records(start: nil, jail: nil)).map(\.line)
      switch subject {
      case .addresses(let addresses):
        return LastRefusal(lines, addresses: addresses, port: query.port, transport: query.transport)
      case .name(let name): return LastRefusal(lines, name: name, port: query.port)
      }
    } catch {
      return nil
    }
  }

  private func query() throws -> DestinationQuery {
    do throws(DestinationQuery.Malformed) {
      return try DestinationQuery(destination)
    } catch {
      throw ValidationError("'\(destination)': \(error.problem)\n  hint: \(error.hint)")
    }
  }

  /// The addresses of a host, or why there are none.
  private func addresses(of host: String) -> ([IPAddress], problem: String?) {
    do throws(TrustedFile.Distrust) {
      let addresses = try HostNames.addresses(of: host)
      return (
        addresses, addresses.isEmpty ? "'\(host)' is not an address, and this host finds none for it" : nil
      )
    } catch {
      return ([], "'\(host)' is not an address, and names cannot be looked up: \(error)")
    }
  }
}
