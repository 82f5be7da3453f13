import Policy

/// A plan for people and for programs.
struct PlanReport: Encodable {
  struct RuleReport: Encodable {
    let prefix: String
    let services: String
    let action: String
    let origin: String
  }

  let network: String
  let ipv4: String?
  let ipv6: String?
  let rules: [RuleReport]
  let routes: [String]
  let filterInstructions: Int

  init(_ plan: Plan) {
    network = plan.network.rawValue
    ipv4 = plan.ipv4.map { "\($0.guest) via \($0.gateway)" }
    ipv6 = plan.ipv6.map { "\($0.guest) via \($0.gateway)" }
    rules = plan.rules.map {
      RuleReport(
        prefix: "\($0.prefix)", services: "\($0.services)", action: $0.action == .allow ? "allow" : "block",
        origin: "\($0.origin)")
    }
    routes =
      plan.routes.map { "\($0.kind == .blackhole ? "blackhole" : "uplink") \($0.prefix)" }
      + (plan.hasDefaultRoute4 ? ["uplink 0.0.0.0/0"] : []) + (plan.hasDefaultRoute6 ? ["uplink ::/0"] : [])
    filterInstructions = plan.filter.instructions.count
  }

  func print(json: Bool) throws {
    if json { return try JSON.print(self) }
    Swift.print("network = \(network)")
    Swift.print("uplink: IPv4 \(ipv4 ?? "none"), IPv6 \(ipv6 ?? "none")")
    Swift.print("\nrules (the longest prefix wins):")
    Swift.print(Table.text(rules.map { ["  " + $0.action, $0.prefix, $0.services, $0.origin] }))
    Swift.print("\nroutes:")
    for route in routes { Swift.print("  \(route)") }
    Swift.print("\ntap filter: \(filterInstructions) of \(FilterProgram.maximum) instructions")
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
