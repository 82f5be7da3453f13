/// What the rules leave open at each address of one family, taken from their definition.
///
/// The ends of all prefixes cut the addresses into stretches. Within one the same rules match everywhere, so
/// one answer holds for all of it: the rules that match there, asked in the order of `Plan.decide`.
struct RuleMap {
  /// A run of addresses at which the same rules match.
  struct Stretch {
    let first: UInt128
    let last: UInt128
    /// The open ports of each transport: all or none for echo.
    let tcp: ValueSet
    let udp: ValueSet
    let echo: ValueSet

    func open(_ transport: TransportProtocol) -> ValueSet {
      switch transport {
      case .tcp: tcp
      case .udp: udp
      case .icmp: echo
      }
    }
  }

  /// In ascending order, from address 0 to the last one, without gaps.
  let stretches: [Stretch]
  private let cuts: [UInt128]

  init(_ rules: [Rule], _ family: Family) {
    let rules = rules.filter { $0.prefix.family == family }
    var starts: Set<UInt128> = [0]
    for rule in rules {
      starts.insert(rule.prefix.first)
      if rule.prefix.last < family.maximum { starts.insert(rule.prefix.last + 1) }
    }
    let cuts = starts.sorted()

    // Sorting does not promise to keep the order of equals.
    let ranked = rules.indices.sorted {
      rules[$0].outranks(rules[$1]) || (!rules[$1].outranks(rules[$0]) && $0 < $1)
    }
    var matching: [[Claim]] = Array(repeating: [], count: cuts.count)
    for rule in ranked.map({ rules[$0] }) {
      let claim = Claim(rule)
      var index = Self.last(cuts, notAbove: rule.prefix.first)
      while index < cuts.count, cuts[index] <= rule.prefix.last {
        matching[index].append(claim)
        index += 1
      }
    }
    stretches = cuts.indices.map { index in
      Stretch(
        first: cuts[index], last: index + 1 < cuts.count ? cuts[index + 1] - 1 : family.maximum,
        tcp: Self.open(matching[index]) { $0.tcp }, udp: Self.open(matching[index]) { $0.udp },
        echo: Self.open(matching[index]) { $0.echo })
    }
    self.cuts = cuts
  }

  /// The stretch that holds an address.
  func stretch(at address: UInt128) -> Stretch {
    stretches[Self.last(cuts, notAbove: address)]
  }

  // The first cut is 0.
  private static func last(_ cuts: [UInt128], notAbove address: UInt128) -> Int {
    var low = 0
    var high = cuts.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if cuts[middle] <= address { low = middle } else { high = middle - 1 }
    }
    return low
  }

  // Each claim decides about its ports that none before it decided about; what is left is closed.
  private static func open(_ claims: [Claim], ports: (Claim) -> ValueSet) -> ValueSet {
    var undecided = ValueSet.half
    var spans: [ValueSet.Span] = []
    for claim in claims {
      let mentioned = ports(claim)
      if claim.action == .allow { spans += undecided.intersection(mentioned).spans }
      undecided = undecided.subtracting(mentioned)
      if undecided.isEmpty { break }
    }
    return ValueSet(ascending: spans.sorted { $0.first < $1.first })
  }
}

/// What a rule says about ports, all or none for echo.
private struct Claim {
  let action: Action
  let tcp: ValueSet
  let udp: ValueSet
  let echo: ValueSet

  init(_ rule: Rule) {
    action = rule.action
    tcp = ValueSet(ports: rule.services.tcp)
    udp = ValueSet(ports: rule.services.udp)
    echo = rule.services.echo ? .half : .none
  }
}

extension ValueSet {
  fileprivate init(ports: PortSet) {
    self.init(
      ascending: ports.ranges.map { Span(first: UInt32($0.lowerBound), last: UInt32($0.upperBound)) })
  }
}
