internal import Policy

/// The resolvers in the order in which they are asked: as configured, but the one that answered last comes
/// first.
struct ResolverOrder {
  private var configured: [HostFacts.Resolver]
  private(set) var resolvers: [HostFacts.Resolver]

  init(_ resolvers: [HostFacts.Resolver]) {
    configured = resolvers
    self.resolvers = resolvers
  }

  /// Follows a change of the configuration; what was learnt stays when there is none.
  mutating func use(_ resolvers: [HostFacts.Resolver]) {
    if resolvers != configured { self = ResolverOrder(resolvers) }
  }

  /// Asks this resolver first from now on, so that one that is dead costs one time-out and not one for each
  /// query.
  mutating func prefer(_ resolver: HostFacts.Resolver) {
    guard let index = resolvers.firstIndex(of: resolver) else { return }
    resolvers.insert(resolvers.remove(at: index), at: 0)
  }
}
