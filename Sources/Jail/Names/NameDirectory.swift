import Linux
import Policy

/// Which name has which address of the pool, and where it leads. What answers questions and what connects share it.
final class NameDirectory {
  private(set) var plan: NamePlan
  private var numbers: [DomainName: Int] = [:]
  private var names: [DomainName] = []
  private var found: [DomainName: (addresses: [IPAddress], end: Instant)] = [:]

  init(_ plan: NamePlan) { self.plan = plan }

  /// Follows the configuration. An address is never another name's, whatever becomes of its rule.
  func use(_ plan: NamePlan) { self.plan = plan }

  /// The address of a name that the plan allows, which it keeps; nil when there are as many as there can be.
  func address(of name: DomainName) -> IPAddress? {
    if let number = numbers[name] { return plan.addresses.address(number) }
    guard names.count < NameAddresses.mostNames else { return nil }
    numbers[name] = names.count
    names.append(name)
    return plan.addresses.address(names.count - 1)
  }

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

  /// Keeps what was found for as long as its records say.
  func keep(_ addresses: [IPAddress], of name: DomainName, until end: Instant) {
    found[name] = (addresses, end)
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
