/// A moment of the wall clock, in milliseconds since 1970 (UTC).
public struct Timestamp: Hashable, Comparable, Sendable {
  /// Milliseconds since 1970.
  public let milliseconds: Int

  /// So many milliseconds after the beginning of 1970.
  public init(milliseconds: Int) { self.milliseconds = milliseconds }

  /// The moment that a text of RFC 3339 in UTC names, `2026-11-21T19:28:40.123Z`; a date alone is its beginning.
  public init?(_ text: String) {
    let parts = text.split(separator: "T", omittingEmptySubsequences: false)
    let date = parts[0].split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
    guard parts.count <= 2, date.count == 3, let year = date[0], let month = date[1], let day = date[2],
      (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
    else { return nil }
    let days = Self.days(year, month, day)
    guard parts.count == 2 else {
      milliseconds = days * 86_400_000
      return
    }
    guard parts[1].last == "Z" else { return nil }
    let fields = parts[1].dropLast().split(separator: ":", omittingEmptySubsequences: false)
    guard (2...3).contains(fields.count), let hour = Self.number(fields[0]), hour < 24,
      let minute = Self.number(fields[1]), minute < 60
    else { return nil }
    let seconds = (fields.count == 3 ? fields[2] : "0").split(
      separator: ".", omittingEmptySubsequences: false)
    guard seconds.count <= 2, let second = Self.number(seconds[0]), second < 61 else { return nil }
    var fraction = 0
    if seconds.count == 2 {
      guard let digits = Self.number(seconds[1].prefix(3)) else { return nil }
      fraction = [100, 10, 1][min(seconds[1].count, 3) - 1] * digits
    }
    milliseconds = days * 86_400_000 + ((hour * 60 + minute) * 60 + second) * 1000 + fraction
  }

  public static func < (one: Timestamp, other: Timestamp) -> Bool { one.milliseconds < other.milliseconds }

  private static func number(_ digits: Substring) -> Int? {
    !digits.isEmpty && digits.utf8.count <= 9 && digits.allSatisfy { $0.isASCII && $0.isNumber }
      ? Int(digits) : nil
  }

  /// Days since 1970 in the Gregorian calendar. Years begin in March here, so that the odd day comes last.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let years = month > 2 ? year : year - 1
    let months = (month + 9) % 12
    let inEra = years % 400
    return years / 400 * 146_097 + inEra * 365 + inEra / 4 - inEra / 100 + (153 * months + 2) / 5 + day
      - 1 - 719_468
  }

  /// Year, month and day of a number of days since 1970: the inverse.
  private static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let inEra = shifted % 146_097
    let years = (inEra - inEra / 1460 + inEra / 36_524 - inEra / 146_096) / 365
    let inYear = inEra - (365 * years + years / 4 - years / 100)
    let months = (5 * inYear + 2) / 153
    let month = months < 10 ? months + 3 : months - 9
    return (
      shifted / 146_097 * 400 + years + (month <= 2 ? 1 : 0), month, inYear - (153 * months + 2) / 5 + 1
    )
  }
}

extension Timestamp: CustomStringConvertible {
  /// RFC 3339, UTC, with milliseconds.
  public var description: String {
    "\(day)T\(Self.two(hour)):\(Self.two(minute)):\(Self.two(second)).\(Self.padded(milliseconds % 1000, 3))Z"
  }

  /// For file names: sorted as the moments are.
  public var compact: String { "\(day)T\(Self.two(hour))\(Self.two(minute))\(Self.two(second))Z" }

  private var day: String {
    let (year, month, day) = Self.date(milliseconds / 86_400_000)
    return "\(year)-\(Self.two(month))-\(Self.two(day))"
  }
  private var hour: Int { milliseconds / 3_600_000 % 24 }
  private var minute: Int { milliseconds / 60_000 % 60 }
  private var second: Int { milliseconds / 1000 % 60 }

  private static func two(_ number: Int) -> String { padded(number, 2) }
  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension Timestamp {
  /// How long ago another moment was, in words: `3 minutes ago`.
  public func since(_ other: Timestamp) -> String {
    let seconds = (milliseconds - other.milliseconds) / 1000
    if seconds < 1 { return "just now" }
    for (size, unit) in [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")] where seconds >= size
    {
      return "\(seconds / size) \(unit)\(seconds / size == 1 ? "" : "s") ago"
    }
    return "just now"
  }
}

extension Timestamp {
  /// What `--since` takes: a moment of RFC 3339, a date, or how long ago: `30s`, `10m`, `2h`, `3d`.
  public init?(since text: String, now: Timestamp) {
    if let moment = Timestamp(text) {
      self = moment
      return
    }
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let unit = text.last.flatMap({ units[$0] }), let number = Self.number(text.dropLast()) else {
      return nil
    }
    self.init(milliseconds: now.milliseconds - number * unit * 1000)
  }
}
