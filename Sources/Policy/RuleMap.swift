/// What the rules leave open at each address of one family, taken from their definition.
///
/// The ends of all prefixes cut the addresses into stretches. Within one the same rules match everywhere, so
/// one answer holds for all of it. The rules of a stretch are looked up by prefix, once for each length that
/// occurs, and asked in the order of `Plan.decide`.
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

  init(_ rules: [Rule], _ family: Family) {
    let rules = rules.filter { $0.prefix.family == family }
    // Sorting does not promise to keep the order of equals.
    let ranked = rules.indices.sorted {
      rules[$0].outranks(rules[$1]) || (!rules[$1].outranks(rules[$0]) && $0 < $1)
    }
    var named: [Prefix: [Rule]] = [:]
    for index in ranked { named[rules[index].prefix, default: []].append(rules[index]) }
    let lengths = Set(named.keys.map(\.length)).sorted(by: >)

    var starts: Set<UInt128> = [0]
    for prefix in named.keys {
      starts.insert(prefix.first)
      if prefix.last < family.maximum { starts.insert(prefix.last + 1) }
    }
    let cuts = starts.sorted()
    stretches = cuts.indices.map { index in
      let address = IPAddress(family: family, value: cuts[index])
      let matching = lengths.flatMap { named[Prefix(containing: address, length: $0)] ?? [] }
      return Stretch(
        first: cuts[index], last: index + 1 < cuts.count ? cuts[index + 1] - 1 : family.maximum,
        tcp: Self.open(matching) { ValueSet(ports: $0.tcp) },
        udp: Self.open(matching) { ValueSet(ports: $0.udp) },
        echo: Self.open(matching) { $0.echo ? .half : .none })
    }
  }

  /// The stretch that holds an address.
  func stretch(at address: UInt128) -> Stretch {
    var low = 0
    var high = stretches.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if stretches[middle].first <= address { low = middle } else { high = middle - 1 }
    }
    return stretches[low]
  }

  // Each rule decides about its ports that none before it decided about; what is left is closed.
  private static func open(_ rules: [Rule], ports: (Services) -> ValueSet) -> ValueSet {
    var undecided = ValueSet.half
    var spans: [ValueSet.Span] = []
    for rule in rules {
      let mentioned = ports(rule.services)
      if rule.action == .allow { spans += undecided.intersection(mentioned).spans }
      undecided = undecided.subtracting(mentioned)
      if undecided.isEmpty { break }
    }
    return ValueSet(ascending: spans.sorted { $0.first < $1.first })
  }
}

extension ValueSet {
  fileprivate init(ports: PortSet) {
    self.init(
      ascending: ports.ranges.map { Span(first: UInt32($0.lowerBound), last: UInt32($0.upperBound)) })
  }
}
