public import Policy

/// What is valid in a configuration, and perhaps not meant.
public struct ConfigurationWarning: Sendable, Hashable {
  public let message: String
  /// Where it stands, if it is about a line.
  public let location: SourceLocation?

  /// All that there are, for a launch with this environment; without a plan, those that need none.
  public static func all(_ configuration: Configuration, _ plan: Plan?, _ environment: Environment) -> [Self]
  {
    [inert(configuration), openAddresses(configuration), nothing(configuration)].compactMap(\.self)
      + published(configuration)
      + (plan.map { proxies(configuration, $0, environment) } ?? [])
  }

  /// Where everything that is public is open, a line that opens a public name does nothing.
  private static func inert(_ configuration: Configuration) -> Self? {
    guard configuration.network.value == .internet else { return nil }
    let lines = configuration.domains.filter { $0.action == .allow && !$0.isInternal }
    guard let first = lines.first else { return nil }
    let what = first.preset.map { "preset = \($0.value)" } ?? first.line
    let more = lines.count > 1 ? " (and \(lines.count - 1) more names)" : ""
    return Self(
      message: "\(what)\(more) has no effect in network = internet, where every public name is open",
      location: first.preset?.location ?? first.place)
  }

  private static func openAddresses(_ configuration: Configuration) -> Self? {
    guard configuration.network.value == .internet,
      let first = configuration.domains.first(where: { $0.action == .block })
    else { return nil }
    return Self(
      message: "\(first.line): in network = internet the addresses that a blocked name leads to stay open",
      location: first.place)
  }

  private static func nothing(_ configuration: Configuration) -> Self? {
    let isEmpty =
      !configuration.rules.contains { $0.action == .allow }
      && !configuration.domains.contains { $0.action == .allow }
    guard configuration.network.value == .restricted, isEmpty else { return nil }
    return Self(
      message: "network = restricted, and no line opens anything", location: configuration.network.location)
  }

  /// What other hosts reach, too.
  private static func published(_ configuration: Configuration) -> [Self] {
    configuration.publications.compactMap { line in
      guard case .port(let port) = line.value, !port.isOnLoopback, let address = port.address else {
        return nil
      }
      let who =
        address == .any(address.family) ? "every host that reaches this one" : "whoever reaches \(address)"
      return Self(
        message: "publish = \(port): \(who) reaches what listens at port \(port.inside) of a jail",
        location: line.location)
    }
  }

  private static let variables = ["http_proxy", "https_proxy", "all_proxy"]

  /// Programs that use a proxy leave it to that where they get to.
  private static func proxies(_ configuration: Configuration, _ plan: Plan, _ environment: Environment)
    -> [Self]
  {
    guard configuration.network.value == .restricted else { return [] }
    var told: Set<String> = []
    return variables.flatMap { [$0, $0.uppercased()] }.compactMap { variable in
      guard let value = environment[variable], let query = try? DestinationQuery(value),
        let port = query.port,
        isOpen(query.host, port, plan), told.insert("\(query.host):\(port)").inserted
      else { return nil }
      return Self(
        message:
          "\(variable) leads to a proxy that is open, \(query.host):\(port): it decides what programs reach by it, not the names here",
        location: nil)
    }
  }

  private static func isOpen(_ host: String, _ port: UInt16, _ plan: Plan) -> Bool {
    if let address = IPAddress(host) {
      return plan.decide(Flow(destination: address, transport: .tcp, port: port)).allowed
    }
    guard let name = DomainName(host) else { return false }
    return plan.names?.rule(name, port: port)?.action == .allow
  }
}

extension DomainRule {
  /// Where it stands.
  fileprivate var place: SourceLocation? {
    if case .configuration(let location, _) = origin { location } else { nil }
  }
}

extension ConfigurationWarning: CustomStringConvertible {
  /// One line.
  public var description: String { (location.map { "\($0): " } ?? "") + message }
}
