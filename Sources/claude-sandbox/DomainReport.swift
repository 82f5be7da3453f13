import Policy

/// A rule about names, for programs.
struct DomainReport: Encodable {
  let name: String
  /// As the configuration spells it.
  let pattern: String
  /// `tree` (the name and all below it), `below` or `exact`.
  let extent: String
  let action: String
  /// Whether the name may lead into an internal network.
  let isInternal: Bool
  let tcp: [ServicesReport.Ports]
  let origin: OriginReport
  /// The preset that the rule is of.
  let preset: String?

  init(_ rule: DomainRule) {
    name = rule.pattern.name.text
    pattern = "\(rule.pattern)"
    extent =
      switch rule.pattern.extent {
      case .tree: "tree"
      case .below: "below"
      case .exact: "exact"
      }
    action = rule.action == .allow ? "allow" : "block"
    isInternal = rule.isInternal
    tcp = ServicesReport.ports(rule.ports)
    origin = OriginReport(rule.origin)
    preset = rule.preset?.value
  }
}
