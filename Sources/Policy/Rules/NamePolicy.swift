/// What the rules about names come to. Of the rules that match a name and a port, those of the longest name decide; among these, one
/// that blocks.
public struct NamePolicy: Sendable, Equatable {
  /// The rules, in the order of the files.
  public let rules: [DomainRule]
  private let places: [DomainName: [Int]]
  /// Names that have an allowed one below them.
  private let ancestors: Set<DomainName>

  /// What is said of a name, whatever the port.
  public enum Standing: Sendable, Hashable {
    /// It is allowed at some port.
    case allowed(DomainRule)
    /// A rule blocks it.
    case blocked(DomainRule)
    /// No rule is about it, but one about a name below it allows.
    case ancestor
    /// No rule is about it.
    case unlisted
  }

  /// The policy of these rules.
  public init(_ rules: [DomainRule]) {
    self.rules = rules
    var places: [DomainName: [Int]] = [:]
    var ancestors: Set<DomainName> = []
    for (index, rule) in rules.enumerated() {
      places[rule.pattern.name, default: []].append(index)
      guard rule.action == .allow else { continue }
      var name = rule.pattern.extent == .below ? rule.pattern.name : rule.pattern.name.parent
      while let next = name, ancestors.insert(next).inserted { name = next.parent }
    }
    self.places = places
    self.ancestors = ancestors
  }

  /// The rule that decides about a port of a name; nil if none is about it.
  public func rule(_ name: DomainName, port: UInt16) -> DomainRule? {
    decider(name) { $0.ports.contains(port) }
  }

  /// What is said of a name.
  public func standing(_ name: DomainName) -> Standing {
    guard let rule = decider(name, where: { _ in true }) else {
      return ancestors.contains(name) ? .ancestor : .unlisted
    }
    return rule.action == .allow ? .allowed(rule) : .blocked(rule)
  }

  private func decider(_ name: DomainName, where matches: (DomainRule) -> Bool) -> DomainRule? {
    var place: DomainName? = name
    while let here = place {
      var found: DomainRule?
      for index in places[here] ?? [] {
        let rule = rules[index]
        let isMeant =
          switch rule.pattern.extent {
          case .tree: true
          case .below: here != name
          case .exact: here == name
          }
        if isMeant, matches(rule), found == nil || rule.action == .block { found = rule }
      }
      if let found { return found }
      place = here.parent
    }
    return nil
  }
}
