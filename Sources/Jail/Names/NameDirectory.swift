import Linux
import Policy

/// Which name has which address of the pool, and where it leads. What answers questions and what connects share it.
final class NameDirectory {
  private(set) var plan: NamePlan
  private var numbers: [DomainName: Int] = [:]
  private var names: [DomainName] = []
  private var found: [DomainName: (addresses: [IPAddress], end: Instant)] = [:]
  private var hosts: HostsFile
  private var hasToldFull = false
  private var hasToldUnusable = false
  /// Whether connections to names are served. Where the relay has gone, names are no longer answered.
  var isServing = true

  init(_ plan: NamePlan, hosts: HostsFile = HostsFile()) {
    self.plan = plan
    self.hosts = hosts
  }

  /// Follows the configuration. An address is never another name's, whatever becomes of its rule.
  func use(_ plan: NamePlan) {
    if plan.policy != self.plan.policy { hosts.forget() }
    self.plan = plan
  }

  /// The address of a name that the plan allows, which it keeps; nil when there are as many as there can be.
  func address(of name: DomainName) -> IPAddress? {
    if let number = numbers[name] { return plan.addresses.address(number) }
    guard names.count < NameAddresses.mostNames else { return nil }
    numbers[name] = names.count
    names.append(name)
    return plan.addresses.address(names.count - 1)
  }

  /// How many names have an address.
  var count: Int { names.count }

  /// The name with an address.
  func name(at address: IPAddress) -> DomainName? {
    guard let number = plan.addresses.number(address), names.indices.contains(number) else { return nil }
    return names[number]
  }

  /// Where a name leads; nil if that has to be looked up.
  func addresses(of name: DomainName, now: Instant) -> [IPAddress]? {
    guard let known = found[name], now < known.end else { return nil }
    return known.addresses
  }

  /// Keeps what was found, of a name that has an address, for as long as its records say.
  func keep(_ addresses: [IPAddress], of name: DomainName, until end: Instant) {
    if numbers[name] != nil { found[name] = (addresses, end) }
  }

  /// What the host's hosts(5) says of a name, which counts before its name servers; nil if nothing.
  func addressesInFile(of name: DomainName) -> [IPAddress]? {
    hosts.addresses(of: name) { if case .allowed = plan.policy.standing($0) { true } else { false } }
  }

  /// The names by which a program may mean a name when it speaks to it: itself, and without a domain of resolv.conf(5) that the C library
  /// has put behind it.
  func spoken(_ name: DomainName, search: [DomainName]) -> [String] {
    var names = [name.text]
    for domain in search where name.text.hasSuffix(".\(domain)") {
      let short = String(name.text.dropLast(domain.text.count + 1))
      if !names.contains(short) { names.append(short) }
    }
    return names
  }

  /// Said once: a program can ask for names without end.
  func tellFull() -> [Effect] {
    defer { hasToldFull = true }
    return hasToldFull
      ? [] : [.tell("the jail has used \(NameAddresses.mostNames) names, and gets no other")]
  }

  /// Said once, where all that a name leads to is of a kind that says why nothing can be reached.
  func tellUnusable(_ name: DomainName, _ addresses: [IPAddress]) -> [Effect] {
    guard !hasToldUnusable, case .allowed(let rule) = plan.policy.standing(name),
      let reason = SubstituteAddress.explanation(name.text, addresses),
      let port = rule.ports.ranges.first?.lowerBound,
      addresses.allSatisfy({ !plan.decide($0, port: port, for: rule).allowed })
    else { return [] }
    hasToldUnusable = true
    return [.tell(reason)]
  }
}

/// What became of looking a name up.
enum NameResult: Equatable {
  /// Where it leads; none if it has no address.
  case addresses([IPAddress])
  /// There is no such name.
  case doesNotExist
  /// Nobody answered.
  case failed
}
