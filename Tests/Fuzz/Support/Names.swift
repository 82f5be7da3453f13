import Policy

/// The rules about names of the jails that are fuzzed.
private let rules: [(name: String, extent: DomainPattern.Extent, action: Action)] = [
  ("listed.example", .tree, .allow), ("no.listed.example", .tree, .block), ("below.example", .below, .allow),
  ("exact.example", .exact, .allow),
]

/// A jail's names: those that are listed and no others, or these only as internal ones.
func namePlan(isExclusive: Bool) -> NamePlan {
  let text = "network = \(isExclusive ? "restricted" : "internet")\n"
  guard var configuration = try? ConfigurationParser.parse([(name: "fuzz", text: Array(text.utf8))]) else {
    fatalError("the configuration")
  }
  configuration.domains = rules.compactMap { rule in
    DomainName(rule.name).map {
      DomainRule(
        DomainPattern($0, rule.extent), action: rule.action,
        isInternal: !isExclusive && rule.action == .allow,
        origin: .networkRestricted)
    }
  }
  guard let plan = try? Plan.make(configuration: configuration, facts: HostFacts()).names else {
    fatalError("the plan")
  }
  return plan
}

/// Whether a name may be asked for outside. Written without a look at how it is decided: the end of a text, which has no dot but between labels.
func isListed(_ labels: [[UInt8]]) -> Bool {
  let isClean = labels.allSatisfy { label in
    (1...63).contains(label.count)
      && label.allSatisfy {
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_".utf8.contains($0)
      }
  }
  let name = "." + labels.map { String(decoding: $0, as: UTF8.self).lowercased() }.joined(separator: ".")
  guard isClean, name.utf8.count <= 254, !name.hasSuffix(".no.listed.example") else { return false }
  return name.hasSuffix(".listed.example") || name == ".exact.example"
    || name.hasSuffix(".below.example") && name != ".below.example"
}

/// The labels of the name that a message asks for.
func labels(of message: [UInt8]) -> [[UInt8]] {
  var rest = message.dropFirst(12)
  var labels: [[UInt8]] = []
  while let length = rest.popFirst(), length > 0 {
    labels.append(Array(rest.prefix(Int(length))))
    rest = rest.dropFirst(Int(length))
  }
  return labels
}
