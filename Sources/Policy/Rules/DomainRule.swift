/// Which names a rule is about.
public struct DomainPattern: Hashable, Sendable {
  /// Which of a name and those below it.
  public enum Extent: Sendable, Hashable {
    /// The name and all below it: `github.com`.
    case tree
    /// All below the name, and not the name itself: `*.github.com`.
    case below
    /// The name alone: `=github.com`.
    case exact
  }

  /// The name.
  public let name: DomainName
  /// Which of it and those below it.
  public let extent: Extent

  /// The names that are meant.
  public init(_ name: DomainName, _ extent: Extent) {
    self.name = name
    self.extent = extent
  }
}

extension DomainPattern: CustomStringConvertible {
  /// As the configuration spells it.
  public var description: String {
    switch extent {
    case .tree: "\(name)"
    case .below: "*.\(name)"
    case .exact: "=\(name)"
    }
  }
}

/// A line about names: what happens to TCP ports of what they lead to, and who says so.
public struct DomainRule: Hashable, Sendable {
  /// The names.
  public let pattern: DomainPattern
  /// TCP ports; all of them where a rule blocks.
  public let ports: PortSet
  /// Open or closed.
  public let action: Action
  /// Whether the name may lead into an internal network (`allow-internal-domain`).
  public let isInternal: Bool
  /// Who says so.
  public let origin: Origin
  /// The name of the preset that the rule is of, and who uses it; nil for a line of the configuration itself.
  public let preset: Sourced<String>?

  /// A rule about names.
  public init(
    _ pattern: DomainPattern, ports: PortSet = .all, action: Action, isInternal: Bool = false, origin: Origin,
    preset: Sourced<String>? = nil
  ) {
    self.pattern = pattern
    self.ports = ports
    self.action = action
    self.isInternal = isInternal
    self.origin = origin
    self.preset = preset
  }

  /// The same rule, as one of a preset that is used.
  func used(by preset: Sourced<String>) -> DomainRule {
    DomainRule(pattern, ports: ports, action: action, isInternal: isInternal, origin: origin, preset: preset)
  }
}
