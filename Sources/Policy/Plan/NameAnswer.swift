/// What a jail is told of a name, whoever asks: what `explain` says of it before any address is known.
public enum NameAnswer: Sendable, Hashable {
  /// It is looked up as on the host, and each of its addresses is judged by itself (`Plan.reach`).
  case asOnHost
  /// It does not exist in the jail, and nobody outside is asked: because of this rule, or because none opens it.
  case doesNotExist(DomainRule?)
  /// It exists, since a name below it is opened, but has no address.
  case hasNoAddress
  /// It is reached by the gateway: what becomes of each TCP port, ascending. Other protocols are refused. An address to which the name
  /// leads is judged for an open port by `NamePlan.decide`.
  case served([NameReach])
}

/// Ports of a name about which one rule decides.
public struct NameReach: Sendable, Hashable {
  /// TCP ports.
  public let ports: ClosedRange<UInt16>
  /// The rule; nil where none opens them.
  public let rule: DomainRule?

  /// Whether they may be asked for.
  public var isAllowed: Bool { rule?.action == .allow }
}

extension NamePlan {
  /// What a jail is told of a name.
  public func answer(_ name: DomainName) -> NameAnswer {
    switch policy.standing(name) {
    case .blocked(let rule): .doesNotExist(rule)
    case .allowed(let rule) where isExclusive || rule.isInternal: .served(reach(of: name))
    case .unlisted where isExclusive: .doesNotExist(nil)
    case .ancestor where isExclusive: .hasNoAddress
    case .allowed, .unlisted, .ancestor: .asOnHost
    }
  }

  private func reach(of name: DomainName) -> [NameReach] {
    let ranges = policy.about(name).flatMap(\.ports.ranges)
    let starts = Set([0] + ranges.map { Int($0.lowerBound) } + ranges.map { Int($0.upperBound) + 1 })
      .filter { $0 <= 65535 }.sorted()
    var parts: [NameReach] = []
    for (start, next) in zip(starts, starts.dropFirst() + [65536]) {
      let rule = rule(name, port: UInt16(start))
      var first = UInt16(start)
      if let last = parts.last, last.rule == rule { first = parts.removeLast().ports.lowerBound }
      parts.append(NameReach(ports: first...UInt16(next - 1), rule: rule))
    }
    return parts
  }
}
