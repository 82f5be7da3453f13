import Record
import Testing

@Suite struct TimestampTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    (951_868_799_999, "2000-02-29T23:59:59.999Z"), (951_868_800_000, "2000-03-01T00:00:00.000Z"),
    (4_107_542_399_001, "2100-02-28T23:59:59.001Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    (1_795_289_320_123, "2026-11-21T19:28:40.123Z"),
  ])
  func text(_ milliseconds: Int, _ text: String) {
    #expect("\(Timestamp(milliseconds: milliseconds))" == text)
    #expect(Timestamp(text) == Timestamp(milliseconds: milliseconds))
  }

  @Test func everyDay() {
    for day in 0..<60_000 {
      let moment = Timestamp(milliseconds: day * 86_400_000)
      if Timestamp("\(moment)") != moment { Issue.record("\(moment)") }
    }
  }

  @Test(arguments: [
    "", "T", "2026", "2026-13-01", "2026-00-01", "2026-01-32", "1969-12-31", "2026-01-01T",
    "2026-01-01T00:00:00",
    "2026-01-01T24:00:00Z", "2026-01-01T00:60Z", "2026-01-01T00:00:61Z", "2026-01-01T00:00:00.Z", "-1-1-1",
    "2026-01-01T00:00:00.1.2Z", "99999999999999999999-01-01", "2026-01-01T00:00:00ZZ", "٢٠٢٦-01-01",
  ])
  func isNone(_ text: String) { #expect(Timestamp(text) == nil) }

  @Test(arguments: [
    ("30s", 970_000), ("10m", 400_000), ("0h", 1_000_000), ("1970-01-01", 0), ("1970-01-01T00:00:01Z", 1000),
    ("1970-01-01T00:00:01.5Z", 1500), ("1970-01-01T00:01Z", 60_000),
  ])
  func since(_ text: String, _ milliseconds: Int) {
    let now = Timestamp(milliseconds: 1_000_000)
    #expect(Timestamp(since: text, now: now) == Timestamp(milliseconds: milliseconds))
  }

  @Test(arguments: ["", "s", "-1s", "1w", "1.5h", "9999999999d", "١s"])
  func sinceIsNone(_ text: String) { #expect(Timestamp(since: text, now: Timestamp(milliseconds: 0)) == nil) }

  @Test(arguments: [
    (0, "just now"), (999, "just now"), (1000, "1 second ago"), (179_999, "2 minutes ago"),
    (3_600_000, "1 hour ago"),
    (200_000_000, "2 days ago"), (-5000, "just now"),
  ])
  func ago(_ milliseconds: Int, _ words: String) {
    #expect(Timestamp(milliseconds: milliseconds).since(Timestamp(milliseconds: 0)) == words)
  }
}
