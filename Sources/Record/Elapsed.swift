/// A length of time, short: `5s`, `12m`, `3h07m`, `2d4h`.
public struct Elapsed: CustomStringConvertible, Sendable {
  private let seconds: Int

  /// Of so many seconds; a clock that was set back may say that they are negative.
  public init(seconds: Int) { self.seconds = max(0, seconds) }

  public var description: String {
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3600 % 24)
    switch seconds {
    case ..<60: return "\(seconds)s"
    case ..<3600: return "\(minutes)m"
    case ..<86_400: return "\(hours)h\(minutes < 10 ? "0" : "")\(minutes)m"
    default: return "\(seconds / 86_400)d\(hours)h"
    }
  }
}
