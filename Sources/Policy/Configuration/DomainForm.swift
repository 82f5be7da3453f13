/// A key about names: what it does, and what its value can say.
enum DomainForm: Sendable, CaseIterable {
  case allow
  case allowInternal
  case block

  var key: String {
    switch self {
    case .allow: "allow-domain"
    case .allowInternal: "allow-internal-domain"
    case .block: "block-domain"
    }
  }

  var action: Action { self == .block ? .block : .allow }

  var example: String {
    switch self {
    case .allow: "*.example.org:22,443"
    case .allowInternal: "gitlab.corp:22,443"
    case .block: "telemetry.example.org"
    }
  }

  var synopsis: String {
    switch self {
    case .allow: "Ar name Ns Op : Ns Ar ports"
    case .allowInternal: "Ar name : Ns Ar ports"
    case .block: "Ar name"
    }
  }

  /// What is open of an allowed name when its line says nothing else: HTTPS and HTTP.
  static let usualPorts = PortSet([80...80, 443...443])

  /// The value of a rule as the file spells it.
  func text(_ rule: DomainRule) -> String {
    // An internal name is always exact, and has no sign for it.
    let name = self == .allowInternal ? "\(rule.pattern.name)" : "\(rule.pattern)"
    switch self {
    case .block: return name
    case .allow where rule.ports == Self.usualPorts: return name
    case .allow, .allowInternal: return "\(name):\(rule.ports == .all ? "*" : "\(rule.ports)")"
    }
  }
}

extension DomainRule {
  /// The rule as the configuration spells it.
  public var line: String {
    let form: DomainForm = action == .block ? .block : isInternal ? .allowInternal : .allow
    return "\(form.key) = \(form.text(self))"
  }
}
