import Linux

/// Counts who comes to doors behind which nobody is: the first time is told at once, and others together.
struct RefusedDoors {
  private struct Key: Hashable {
    let rule: DoorRule
    let error: CInt
  }

  private var counts: [Key: Int] = [:]
  /// When what was counted is told.
  private(set) var deadline: Instant?

  private static let interval = Duration.seconds(60)

  mutating func add(_ rule: DoorRule, _ error: CInt, now: Instant) -> [Effect] {
    let key = Key(rule: rule, error: error)
    deadline = deadline ?? now + Self.interval
    if let count = counts[key] {
      counts[key] = count + 1
      return []
    }
    counts[key] = 0
    return [.port(.refused(rule.name, error, count: 1))]
  }

  mutating func due(_ now: Instant) -> [Effect] {
    guard let time = deadline, time <= now else { return [] }
    let told = counts.filter { $0.value > 0 }
    counts = told.mapValues { _ in 0 }
    deadline = counts.isEmpty ? nil : now + Self.interval
    return told.map { .port(.refused($0.key.rule.name, $0.key.error, count: $0.value)) }
  }
}
