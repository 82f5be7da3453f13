import Policy

/// A rule for programs.
struct RuleReport: Encodable {
  let prefix: String
  let action: String
  let services: ServicesReport
  let origin: OriginReport

  init(_ rule: Rule) {
    prefix = "\(rule.prefix)"
    action = rule.action == .allow ? "allow" : "block"
    services = ServicesReport(rule.services)
    origin = OriginReport(rule.origin)
  }
}

struct ServicesReport: Encodable {
  struct Ports: Encodable {
    let first: UInt16
    let last: UInt16

    init(_ range: ClosedRange<UInt16>) { (first, last) = (range.lowerBound, range.upperBound) }
  }

  let tcp: [Ports]
  let udp: [Ports]
  let echo: Bool

  init(_ services: Services) {
    (tcp, udp, echo) = (Self.ports(services.tcp), Self.ports(services.udp), services.echo)
  }

  static func ports(_ set: PortSet) -> [Ports] {
    set.ranges.map(Ports.init)
  }
}

/// Who says so.
struct OriginReport: Encodable {
  let kind: String
  /// The same for people.
  let reason: String
  private(set) var key: String?
  private(set) var file: String?
  private(set) var line: Int?
  private(set) var column: Int?
  private(set) var link: String?
  private(set) var gateway: String?
  private(set) var table: UInt32?

  /// An option of the command line.
  init(option: String) { (kind, reason) = ("option", option) }

  /// Without an origin it is the default of a setting.
  init(_ origin: Origin?) {
    (kind, reason) = (origin?.kind.rawValue ?? "default", origin.map { "\($0)" } ?? "default")
    switch origin {
    case .hostAddress(let link), .connectedPrefix(let link): self.link = link
    case .localRoute(let link, let table): (self.link, self.table) = (link, table)
    case .internalRoute(let link, let gateway, let table):
      (self.link, self.gateway, self.table) = (link, gateway.map { "\($0)" }, table)
    case .rejectRoute(let table): self.table = table
    case .configuration(let location, let key):
      (self.key, file, line, column) = (key, location.file, location.line, location.column)
    case .builtin, .jailRoute, .resolver, .guestSubnet, .nameAddresses, .internet, .noInternet, .noIPv6,
      .networkNone,
      .networkRestricted, nil:
      break
    }
  }
}
