/// What is open at each address of one family, computed in one sweep over the sorted prefixes.
///
/// At each distinct prefix: `((the enclosing prefix's services - blocks of host and product) + configured
/// allows) - configured blocks`. Nested prefixes sort behind what encloses them, so a stack holds the
/// enclosing ones.
struct EffectivePolicy {
  /// A run of addresses with the same services, up to the next interval's start.
  struct Interval {
    let start: UInt128
    /// An index into `services`.
    let policy: Int
  }

  let family: Family
  /// The distinct services; `closed` and `open` are always there.
  private(set) var services: [Services] = [.none, .all]
  static let closed = 0
  static let open = 1
  /// From address 0 on; neighbours differ.
  private(set) var intervals: [Interval] = []
  private(set) var routes: [PlannedRoute] = []
  private(set) var hasDefaultRoute = false

  // Of all but these two, which most plans make do with: the first entry of a dictionary costs a search of the whole program for how
  // its keys are hashed.
  private var identifiers: [Services: Int] = [:]
  private var enclosing: [Enclosing] = []
  /// Whether what nothing opens is refused by a route. Without one the kernel says "network unreachable", as where there is no
  /// internet; in `restricted` every refusal is to be seen, and told.
  private let refusesRest: Bool

  private struct Enclosing {
    let last: UInt128
    let policy: Int
    /// Where the jail's routing table leads here; nil for nowhere, which has no route at all.
    let route: PlannedRoute.Kind?
  }

  // Sorted instead of the rules themselves, whose moves would count references.
  private struct Entry {
    let prefix: Prefix
    /// Later ones overrule earlier ones at the same prefix.
    let turn: Int
    let index: Int
  }

  init(_ rules: [Rule], _ family: Family, guest: Prefix?) {
    self.family = family
    refusesRest = rules.contains { $0.prefix == .everything(family) && $0.origin == .networkRestricted }
    var entries: [Entry] = []
    for index in rules.indices where rules[index].prefix.family == family {
      entries.append(Entry(prefix: rules[index].prefix, turn: Self.turn(of: rules[index]), index: index))
    }
    entries.sort {
      ($0.prefix.first, $0.prefix.length, $0.turn) < ($1.prefix.first, $1.prefix.length, $1.turn)
    }
    enclosing.append(Enclosing(last: family.maximum, policy: Self.closed, route: nil))
    mark(0, Self.closed)
    var start = 0
    while start < entries.count {
      let prefix = entries[start].prefix
      leave(before: prefix.first)
      var policy = enclosing[enclosing.count - 1].policy
      while start < entries.count, entries[start].prefix == prefix {
        policy = overlay(rules[entries[start].index], on: policy)
        start += 1
      }
      enter(prefix, policy, guest: guest)
    }
    leave(before: nil)
  }

  private static func turn(of rule: Rule) -> Int {
    switch (rule.action, rule.origin.isConfigured) {
    case (.allow, false): 0
    case (.block, false): 1
    case (.allow, true): 2
    case (.block, true): 3
    }
  }

  private mutating func enter(_ prefix: Prefix, _ policy: Int, guest: Prefix?) {
    let outer = enclosing[enclosing.count - 1]
    mark(prefix.first, policy)
    enclosing.append(
      Enclosing(
        last: prefix.last, policy: policy,
        route: route(prefix, isOpen: policy != Self.closed, outer: outer.route, guest: guest)))
  }

  private mutating func overlay(_ rule: Rule, on policy: Int) -> Int {
    let result: Services
    switch rule.action {
    case .allow: result = services[policy].union(rule.services)
    case .block: result = services[policy].subtracting(rule.services)
    }
    if result == .none { return Self.closed }
    if result == .all { return Self.open }
    if let known = identifiers[result] { return known }
    services.append(result)
    identifiers[result] = services.count - 1
    return services.count - 1
  }

  // Ends every enclosing prefix that does not reach the address; nil ends all but the whole family.
  private mutating func leave(before address: UInt128?) {
    while enclosing.count > 1 {
      let inner = enclosing[enclosing.count - 1]
      if let address, inner.last >= address { return }
      enclosing.removeLast()
      if inner.last < family.maximum {
        mark(inner.last + 1, enclosing[enclosing.count - 1].policy)
      }
    }
  }

  // A later mark at the same address is the more specific one, or the one that goes on.
  private mutating func mark(_ start: UInt128, _ policy: Int) {
    if intervals.last?.start == start { intervals.removeLast() }
    if intervals.last?.policy == policy { return }
    intervals.append(Interval(start: start, policy: policy))
  }

  private mutating func route(
    _ prefix: Prefix, isOpen: Bool, outer: PlannedRoute.Kind?, guest: Prefix?
  ) -> PlannedRoute.Kind? {
    if prefix.isEverything {
      hasDefaultRoute = isOpen
      if isOpen { return .uplink }
      guard refusesRest else { return nil }
      routes.append(PlannedRoute(prefix: prefix, kind: .blackhole))
      return .blackhole
    }
    // Its routes are the uplink's own affair.
    if prefix == guest { return outer }
    if prefix == BuiltinPrefix.loopback4.prefix, !isOpen { return .blackhole }
    let kind: PlannedRoute.Kind = isOpen ? .uplink : .blackhole
    if kind != outer || (kind == .blackhole && BuiltinPrefix.wallPrefixes.contains(prefix)) {
      routes.append(PlannedRoute(prefix: prefix, kind: kind))
    }
    return kind
  }
}
