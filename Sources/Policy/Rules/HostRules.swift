extension HostFacts {
  /// What is internal because of what this host is: own addresses, connected prefixes, routes aside of the
  /// internet's way, resolvers.
  ///
  /// One rule for each prefix, the first fact that names it. A prefix of length 0 is never a rule.
  func rules() -> [Rule] {
    var rules: [Rule] = []
    var seen: Set<Prefix> = []
    func block(_ prefix: Prefix, _ origin: @autoclosure () -> Origin) {
      guard !prefix.isEverything, seen.insert(prefix).inserted else { return }
      rules.append(Rule(prefix: prefix, action: .block, origin: origin()))
    }
    for fact in addresses {
      block(Prefix(fact.address), .hostAddress(link: fact.link))
    }
    for fact in addresses {
      block(
        Prefix(containing: fact.address, length: fact.prefixLength), .connectedPrefix(link: fact.link))
    }
    let public4 = internetNextHops(.ipv4)
    let public6 = internetNextHops(.ipv6)
    for route in routes {
      switch route.kind {
      case .local:
        block(
          route.destination, .localRoute(link: route.nextHops.first?.link ?? "lo", table: route.table))
      case .unicast:
        let internet = route.destination.family == .ipv4 ? public4 : public6
        if let aside = route.nextHops.first(where: { !internet.contains($0) }) {
          block(
            route.destination,
            .internalRoute(link: aside.link, gateway: aside.gateway, table: route.table))
        } else if route.nextHops.isEmpty {
          block(route.destination, .internalRoute(link: "unknown", gateway: nil, table: route.table))
        }
      case .reject:
        block(route.destination, .rejectRoute(table: route.table))
      case .other:
        break
      }
    }
    // The jail's own server asks them. The jail needs nothing else that they offer, such as a router's admin
    // page.
    for resolver in resolvers {
      block(Prefix(resolver.address), .resolver)
    }
    return rules
  }

  // What the kernel answered. Where that is a default route, every default route of its table counts: of two,
  // each is the internet's way as soon as the other fails. A default route that more specific ones have taken
  // the internet from says nothing.
  private func internetNextHops(_ family: Family) -> [NextHop] {
    let answered = internetPaths(family)
    let defaults = routes.filter {
      $0.kind == .unicast && $0.destination.isEverything && $0.destination.family == family
    }
    let tables = defaults.filter { $0.nextHops.contains(where: answered.contains) }.map(\.table)
    return answered + defaults.filter { tables.contains($0.table) }.flatMap(\.nextHops)
  }
}
