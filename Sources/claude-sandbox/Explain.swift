import ArgumentParser
import Jail
import Linux
import Policy

struct Explain: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell whether a jail could reach a host, and which rule says so.",
    discussion: """
      HOST is an address, [IPv6]:PORT with brackets, or a name, which is looked up as this host does it. Without a port every service is \
      told; a port without a protocol is TCP's and UDP's. The exit status is 0 when all that was asked about is reachable, 1 otherwise.
      """)

  @Argument(help: ArgumentHelp("What to reach.", valueName: "host[:port][/tcp|/udp|/icmp]"))
  var destination: String

  @Flag(help: "Print JSON.")
  var json = false

  private struct Report: Encodable {
    let destination: String
    let reachable: Bool
    let rule: String
    let because: String
  }

  func run() throws {
    guard let query = DestinationQuery(destination) else {
      throw ValidationError(
        "'\(destination)' is not HOST or HOST:PORT, with /tcp or /udp, nor HOST/icmp (a prefix: claude-sandbox run --dry-run)"
      )
    }
    let (configuration, _, plan) = Invocation.orExit { () throws(LaunchFailure) in try Launch.plan() }
    Invocation.mentionMissingJail(configuration)
    let addresses = try addresses(of: query.host)
    let reports = addresses.flatMap { address in
      query.parts(of: plan.reach(of: address)).map { report(address, $0) }
    }
    if json {
      try JSON.print(reports)
    } else {
      print(
        Table.text(
          reports.map { [$0.destination, $0.reachable ? "reachable" : "blocked", $0.rule, $0.because] }))
    }
    if reports.contains(where: { !$0.reachable }) { throw ExitCode.failure }
  }

  private func addresses(of host: String) throws(ExitCode) -> [IPAddress] {
    let reason: String
    do {
      let addresses = try HostNames.addresses(of: host)
      if !addresses.isEmpty { return addresses }
      reason = "this host knows no address by that name"
    } catch {
      reason = "names cannot be looked up: \(error)"
    }
    Process.complain("claude-sandbox: '\(host)' is not an address, and \(reason)\n")
    throw .failure
  }

  private func isLoopback(_ address: IPAddress) -> Bool {
    address.family == .ipv4 ? address.bytes.first == 127 : address == IPAddress("::1")
  }

  private func report(_ address: IPAddress, _ part: DestinationQuery.Part) -> Report {
    let host = address.family == .ipv6 && part.service.first == ":" ? "[\(address)]" : "\(address)"
    return Report(
      destination: host + part.service, reachable: part.decision.allowed,
      rule: "\(part.decision.rule.prefix)",
      because: isLoopback(address)
        ? "in a jail this is the jail's own; the host's is not there" : "\(part.decision.rule.origin)")
  }
}

/// What was asked: a host, and perhaps a port and a protocol.
struct DestinationQuery {
  let host: String
  private let port: UInt16?
  private let transport: TransportProtocol?

  init?(_ text: String) {
    var rest = Substring(text)
    if let slash = rest.lastIndex(of: "/") {
      guard
        let named = ["tcp": TransportProtocol.tcp, "udp": .udp, "icmp": .icmp][
          rest[rest.index(after: slash)...]]
      else { return nil }
      transport = named
      rest = rest[..<slash]
    } else {
      transport = nil
    }
    var portText: Substring?
    if rest.first == "[", let end = rest.firstIndex(of: "]") {
      let after = rest[rest.index(after: end)...]
      guard after.isEmpty || after.first == ":" else { return nil }
      portText = after.isEmpty ? nil : after.dropFirst()
      rest = rest[rest.index(after: rest.startIndex)..<end]
    } else if rest.filter({ $0 == ":" }).count == 1, let colon = rest.firstIndex(of: ":") {
      portText = rest[rest.index(after: colon)...]
      rest = rest[..<colon]
    }
    if let portText {
      guard let number = UInt16(portText), number > 0, transport != .icmp else { return nil }
      port = number
    } else {
      port = nil
    }
    if rest.isEmpty { return nil }
    host = String(rest)
  }

  struct Part {
    let service: String
    let decision: Decision
  }

  /// The parts that were asked about; one for all when one rule decides about everything.
  func parts(of reach: [Reach]) -> [Part] {
    let asked = reach.filter { part in
      (transport == nil || part.transport == transport)
        && (port.map { number in part.ports?.contains(number) ?? false } ?? true)
    }
    if port == nil, transport == nil, let first = asked.first,
      asked.allSatisfy({ $0.decision == first.decision })
    {
      return [Part(service: "", decision: first.decision)]
    }
    return asked.map { part in
      guard let ports = part.ports else { return Part(service: " echo", decision: part.decision) }
      let name = part.transport == .tcp ? "tcp" : "udp"
      if let port { return Part(service: ":\(port)/\(name)", decision: part.decision) }
      let range =
        ports == 0...UInt16.max
        ? "*" : ports.count == 1 ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
      return Part(service: ":\(range)/\(name)", decision: part.decision)
    }
  }
}
