/// What is open at each address of one family, computed in one sweep over the sorted prefixes.
///
/// At each distinct prefix: `((the enclosing prefix's services - blocks of host and product) + configured allows) -
/// configured blocks`. Nested prefixes sort behind what encloses them, so a stack holds the enclosing ones.
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

  private var identifiers: [Services: Int] = [.none: closed, .all: open]
  private var enclosing: [Enclosing] = []

  private struct Enclosing {
    let last: UInt128
    let policy: Int
    /// Where the jail's routing table leads here; nil for nowhere, which has no route at all.
    let way: PlannedRoute.Kind?
  }

  init(_ rules: [Rule], _ family: Family, guest: Prefix?) {
    self.family = family
    // Small keys: sorting the rules themselves would move and count references to what they hold.
    let keys = rules.indices.filter { rules[$0].prefix.family == family }
      .map { (prefix: rules[$0].prefix, index: $0) }
      .sorted {
        ($0.prefix.first, $0.prefix.length, $0.index) < ($1.prefix.first, $1.prefix.length, $1.index)
      }
    enclosing.append(Enclosing(last: family.maximum, policy: Self.closed, way: nil))
    mark(0, Self.closed)
    var start = 0
    while start < keys.count {
      let prefix = keys[start].prefix
      let end = keys[start...].firstIndex { $0.prefix != prefix } ?? keys.count
      leave(before: prefix.first)
      enter(prefix, keys[start..<end].map { rules[$0.index] }, guest: guest)
      start = end
    }
    leave(before: nil)
  }

  private mutating func enter(_ prefix: Prefix, _ rules: [Rule], guest: Prefix?) {
    let outer = enclosing[enclosing.count - 1]
    let policy = overlay(rules, on: outer.policy)
    mark(prefix.first, policy)
    enclosing.append(
      Enclosing(
        last: prefix.last, policy: policy,
        way: route(prefix, isOpen: policy != Self.closed, outer: outer.way, guest: guest)))
  }

  private mutating func overlay(_ rules: [Rule], on outer: Int) -> Int {
    var result = services[outer]
    for rule in rules where !rule.origin.isConfigured {
      // A base comes first at its prefix, which encloses all others.
      result =
        rule.action == .allow
        ? result.union(rule.services) : result.subtracting(rule.services)
    }
    for rule in rules where rule.origin.isConfigured && rule.action == .allow {
      result = result.union(rule.services)
    }
    for rule in rules where rule.origin.isConfigured && rule.action == .block {
      result = result.subtracting(rule.services)
    }
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
      // Without a default route the kernel says "network unreachable", which programs understand.
      return isOpen ? .uplink : nil
    }
    // On-link: the kernel has this route from the address.
    if prefix == guest { return outer }
    if prefix == BuiltinPrefix.loopback4.prefix, !isOpen { return .blackhole }
    let kind: PlannedRoute.Kind = isOpen ? .uplink : .blackhole
    if kind != outer || (kind == .blackhole && BuiltinPrefix.wallPrefixes.contains(prefix)) {
      routes.append(PlannedRoute(prefix: prefix, kind: kind))
    }
    return kind
  }
}
