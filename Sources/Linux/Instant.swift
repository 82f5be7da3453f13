/// A moment of the monotonic clock, in whole milliseconds, as poll(2) counts them.
public struct Instant: Comparable, Hashable, Sendable {
  private let count: Int

  /// So long after the clock began.
  public init(milliseconds: Int) { count = milliseconds }

  /// How many milliseconds lie between; negative when the other moment is the later one.
  public func milliseconds(since other: Instant) -> Int { count - other.count }

  public static func + (moment: Instant, time: Duration) -> Instant {
    let (seconds, attoseconds) = time.components
    return Instant(
      milliseconds: moment.count + Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
  }

  public static func < (one: Instant, other: Instant) -> Bool { one.count < other.count }
}
