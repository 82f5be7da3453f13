internal import Linux
internal import Policy

/// The names that are being looked up, each once, whoever wants it, and those that wait for their turn.
struct NameLookups {
  /// Oldest first.
  private var running: [NameLookup] = []
  private var waiting: [DomainName] = []
  private let most: Int

  /// More names than may be looked up and asked for at a time do not wait.
  private static let mostWaiting = 512

  init(most: Int) { self.most = most }

  /// Starts with a name unless somebody did; false if too many wait already.
  mutating func want(_ name: DomainName) -> Bool {
    if running.contains(where: { $0.name == name }) || waiting.contains(name) { return true }
    guard waiting.count < Self.mostWaiting else { return false }
    waiting.append(name)
    return true
  }

  /// A name whose turn it is.
  mutating func next() -> DomainName? {
    running.count < most && !waiting.isEmpty ? waiting.removeFirst() : nil
  }

  mutating func start(_ lookup: NameLookup) { running.append(lookup) }

  func addInterests<Event>(_ event: (UInt64) -> Event, to interests: inout [Interest<Event>]) {
    for lookup in running { lookup.addInterests(event(lookup.id), to: &interests) }
  }

  /// nil if nothing is looked up.
  var deadline: Instant? {
    let moments = running.map(\.deadline) + [whenToMakeRoom].compactMap(\.self)
    return moments.min()
  }

  /// While others wait, the oldest is given up once it is overdue, so that dead names do not keep them waiting.
  private var whenToMakeRoom: Instant? {
    waiting.isEmpty ? nil : running.first.map { $0.started + DNSAttempt.patience }
  }

  /// Goes on with those that are concerned; how they ended, if they did.
  mutating func advance(
    now: Instant, buffer: inout [UInt8], order: inout ResolverOrder, where isConcerned: (NameLookup) -> Bool
  ) -> [NameLookup.Outcome] {
    var outcomes: [NameLookup.Outcome] = []
    running.removeAll { lookup in
      guard isConcerned(lookup), let outcome = lookup.advance(now: now, buffer: &buffer, order: &order) else {
        return false
      }
      outcomes.append(outcome)
      return true
    }
    if let time = whenToMakeRoom, time <= now { outcomes.append(running.removeFirst().giveUp()) }
    return outcomes
  }
}
