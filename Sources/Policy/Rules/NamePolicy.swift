/// What the rules about names come to. Of the rules that match a name and a port, those of the longest name decide; among these, one
/// that blocks. A rule that yields allows only what no rule blocks, however short its name.
public struct NamePolicy: Sendable {
  /// The rules, in the order of the files.
  public let rules: [DomainRule]
  // Of each name the last of its rules, and of each rule the one before it of the same name.
  private let last: [DomainName: Int]
  private let previous: [Int]
  /// Names that have an allowed one below them.
  private let ancestors: Set<DomainName>
  /// The file whose rules yield.
  private let yieldingFile: String?

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

  /// The policy of these rules. Those of `yieldingFile`, and of the presets that it uses, yield.
  public init(_ rules: [DomainRule], yieldingFile: String? = nil) {
    self.rules = rules
    self.yieldingFile = yieldingFile
    var last: [DomainName: Int] = [:]
    var previous: [Int] = []
    last.reserveCapacity(rules.count)
    previous.reserveCapacity(rules.count)
    var ancestors: Set<DomainName> = []
    for (index, rule) in rules.enumerated() {
      previous.append(last.updateValue(index, forKey: rule.pattern.name) ?? -1)
      guard rule.action == .allow else { continue }
      var name = rule.pattern.extent == .below ? rule.pattern.name : rule.pattern.name.parent
      while let next = name, ancestors.insert(next).inserted { name = next.parent }
    }
    (self.last, self.previous, self.ancestors) = (last, previous, ancestors)
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

  /// The rules that are about a name, those of the longest name first.
  func about(_ name: DomainName) -> [DomainRule] {
    var all: [DomainRule] = []
    visit(name) { rules in
      all += rules
      return false
    }
    return all
  }

  private func decider(_ name: DomainName, where matches: (DomainRule) -> Bool) -> DomainRule? {
    var allowed: DomainRule?
    var blocked: DomainRule?
    visit(name) { rules in
      // Of equals the first one of the files.
      let found = rules.filter(matches).reduce(nil) { (best: DomainRule?, rule) in
        best.map { rule.precedence > $0.precedence ? rule : $0 } ?? rule
      }
      if found?.action == .block { blocked = found }
      allowed = allowed ?? found
      return blocked != nil || allowed.map { !$0.yields(yieldingFile) } ?? false
    }
    return blocked ?? allowed
  }

  // Gives the rules about a name, in the order of the files, for it and for each name above it, until it is told to stop.
  private func visit(_ name: DomainName, _ isEnough: ([DomainRule]) -> Bool) {
    var place: DomainName? = name
    while let here = place {
      var found: [DomainRule] = []
      var index = last[here] ?? -1
      while index >= 0 {
        if rules[index].pattern.extent.holds(isItself: here == name) { found.append(rules[index]) }
        index = previous[index]
      }
      if !found.isEmpty, isEnough(found.reversed()) { return }
      place = here.parent
    }
  }
}

extension NamePolicy: Equatable {
  /// All else is made from these.
  public static func == (left: NamePolicy, right: NamePolicy) -> Bool {
    left.yieldingFile == right.yieldingFile && left.rules == right.rules
  }
}

extension DomainRule {
  /// Whether it allows only what no rule blocks.
  func yields(_ yieldingFile: String?) -> Bool {
    guard let yieldingFile else { return false }
    if let preset { return preset.location?.file == yieldingFile }
    guard case .configuration(let place, _) = origin else { return false }
    return place.file == yieldingFile
  }

  // Among rules about one name. An internal name leads wherever a public one does.
  fileprivate var precedence: Int { action == .block ? 2 : isInternal ? 1 : 0 }
}

extension DomainPattern.Extent {
  /// Whether it has the name itself, or one below it.
  fileprivate func holds(isItself: Bool) -> Bool {
    switch self {
    case .tree: true
    case .below: !isItself
    case .exact: isItself
    }
  }
}
