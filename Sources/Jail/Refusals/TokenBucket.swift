import Linux

/// A limit on a rate that lets short bursts pass.
struct TokenBucket {
  private let rate: Int
  private let capacity: Int
  /// In thousandths of a token: at `rate` tokens a second, each millisecond brings `rate` of them.
  private var level: Int
  private var filled: Instant

  /// `rate` tokens a second, at most `burst` at once.
  init(rate: Int, burst: Int, now: Instant) {
    self.rate = rate
    capacity = burst * 1000
    level = capacity
    filled = now
  }

  /// Takes one token if there is one.
  mutating func take(now: Instant) -> Bool {
    refill(now: now)
    if level < 1000 { return false }
    level -= 1000
    return true
  }

  /// How many tokens there are.
  mutating func whole(now: Instant) -> Int {
    refill(now: now)
    return level / 1000
  }

  /// Takes tokens that have been used already: if they are more than there are, the rest is owed.
  mutating func spend(_ count: Int) { level -= count * 1000 }

  /// When half of the burst will be there.
  var whenHalfFull: Instant {
    filled + .milliseconds(max(0, capacity / 2 - level + rate - 1) / rate)
  }

  private mutating func refill(now: Instant) {
    // A long idle time fills the bucket; it is not multiplied.
    let time = now.milliseconds(since: filled)
    level = time > capacity / rate ? capacity : min(capacity, level + max(0, time) * rate)
    filled = max(filled, now)
  }
}
