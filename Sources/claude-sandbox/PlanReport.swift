import Policy

/// A plan for people and for programs.
struct PlanReport: Encodable {
  struct Uplink: Encodable {
    let guest: String
    let gateway: String

    init(_ addresses: GuestAddresses) {
      (guest, gateway) = ("\(addresses.guest)", "\(addresses.gateway)")
    }
  }

  struct Route: Encodable {
    let kind: String
    let prefix: String
  }

  struct Filter: Encodable {
    let instructions: Int
    let maximum: Int
  }

  struct Names: Encodable {
    let link: String
    let pool: String
    let rules: [DomainReport]

    init(_ plan: NamePlan) {
      (link, pool) = ("\(plan.addresses.own)", "\(plan.addresses.pool)")
      rules = plan.policy.rules.map(DomainReport.init)
    }
  }

  let version = JSON.version
  let verdict = "planned"
  let network: String
  let ipv4: Uplink?
  let ipv6: Uplink?
  let rules: [RuleReport]
  let routes: [Route]
  let filter: Filter
  /// What is reached by name; nil without a gateway.
  let names: Names?
  /// What leads out of the jail's loopback, and into it.
  let ports: [PortReport]

  init(_ plan: Plan, _ ports: [PortReport]) {
    self.ports = ports
    network = plan.network.rawValue
    ipv4 = plan.ipv4.map(Uplink.init)
    ipv6 = plan.ipv6.map(Uplink.init)
    rules = plan.rules.map(RuleReport.init)
    routes =
      plan.routes.map { Route(kind: $0.kind == .blackhole ? "blackhole" : "uplink", prefix: "\($0.prefix)") }
      + (plan.hasDefaultRoute4 ? [Route(kind: "uplink", prefix: "0.0.0.0/0")] : [])
      + (plan.hasDefaultRoute6 ? [Route(kind: "uplink", prefix: "::/0")] : [])
    names = plan.names.flatMap { $0.hasGateway ? Names($0) : nil }
    filter = Filter(instructions: plan.filter.instructions.count, maximum: FilterProgram.maximum)
  }

  private func text(of names: Names) -> String {
    let table = names.rules.map { rule in
      let ports = rule.tcp.map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }
      return ["  " + rule.action, rule.pattern, ports.joined(separator: ",") + "/tcp", rule.origin.reason]
    }
    return """
      names (the longest wins), by addresses of \(names.pool), from \(names.link):
      \(Table.text(table))
      """
  }

  private var portsText: String {
    let table = ports.map { ["  \($0.key)", $0.value, $0.origin.reason] }
    return "ports, out of the jail and into it:\n\(Table.text(table))"
  }

  /// The same as text, with the plan's rules in its own words.
  func text(of plan: Plan) -> String {
    func way(_ uplink: Uplink?) -> String { uplink.map { "\($0.guest) via \($0.gateway)" } ?? "none" }
    let table = zip(rules, plan.rules).map { report, rule in
      ["  " + report.action, report.prefix, "\(rule.services)", report.origin.reason]
    }
    return """
      network = \(network)
      uplink: IPv4 \(way(ipv4)), IPv6 \(way(ipv6))

      rules (the longest prefix wins):
      \(Table.text(table))

      routes:
      \(routes.map { "  \($0.kind) \($0.prefix)" }.joined(separator: "\n"))

      tap filter: \(filter.instructions) of \(filter.maximum) instructions
      """ + (names.map { "\n\n" + text(of: $0) } ?? "") + (ports.isEmpty ? "" : "\n\n" + portsText)
  }
}

/// Columns, as wide as their widest cell; the last is not padded.
enum Table {
  static func text(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, cell in
        column + 1 == row.count ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
