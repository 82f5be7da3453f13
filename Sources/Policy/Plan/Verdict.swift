extension Plan {
  /// Whether a flow may leave the jail, and the rule that says so.
  ///
  /// A rule matches a flow when its prefix contains the destination and its services contain protocol and
  /// port. Of the matching rules the longest prefix wins; at equal length a configured block, then a
  /// configured allow, then a block of the host or a builtin one, then the base of the family; then the
  /// first. So a rule that is narrowed to ports decides about these ports only, and all others fall through
  /// to the next shorter prefix.
  ///
  /// This is the definition. The routes and the filter are compiled without it, so that each can prove the
  /// other.
  public func decide(_ flow: Flow) -> Decision { Self.decide(flow, by: rules) }

  static func decide(_ flow: Flow, by rules: [Rule]) -> Decision {
    var winner: Rule?
    for rule in rules where rule.matches(flow) {
      if let best = winner, !rule.outranks(best) { continue }
      winner = rule
    }
    // Every family has a base; without one nothing would be open.
    let rule =
      winner
      ?? Rule(prefix: .everything(flow.destination.family), action: .block, origin: .networkNone)
    return Decision(allowed: rule.action == .allow, rule: rule)
  }
}

extension Rule {
  /// Whether this rule decides where both match; of equals the first one does.
  func outranks(_ other: Rule) -> Bool {
    prefix.length == other.prefix.length ? rank > other.rank : prefix.length > other.prefix.length
  }

  private var rank: Int {
    switch (origin.isConfigured, action) {
    case (true, .block): 3
    case (true, .allow): 2
    case (false, .block): 1
    case (false, .allow): 0
    }
  }
}
