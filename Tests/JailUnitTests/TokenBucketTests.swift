import Linux
import Testing

@testable import Jail

@Suite struct TokenBucketTests {
  private static func taken(_ bucket: inout TokenBucket, now: Int) -> Int {
    var count = 0
    while bucket.take(now: Instant(milliseconds: now)) { count += 1 }
    return count
  }

  @Test func burstThenRate() {
    var bucket = TokenBucket(rate: 1000, burst: 200, now: Instant(milliseconds: 5000))
    #expect(Self.taken(&bucket, now: 5000) == 200)
    #expect(bucket.whenHalfFull == Instant(milliseconds: 5100))
    #expect(Self.taken(&bucket, now: 5001) == 1)
    #expect(bucket.whenHalfFull == Instant(milliseconds: 5101))
    #expect(Self.taken(&bucket, now: 5101) == 100)
    // Never more than the burst, however long nothing was asked.
    #expect(Self.taken(&bucket, now: .max) == 200)
  }

  @Test func slowRate() {
    var bucket = TokenBucket(rate: 3, burst: 2, now: Instant(milliseconds: 0))
    #expect(Self.taken(&bucket, now: 0) == 2)
    #expect(Self.taken(&bucket, now: 333) == 0)
    #expect(Self.taken(&bucket, now: 334) == 1)
    #expect(bucket.whenHalfFull == Instant(milliseconds: 334 + 333))
  }

  @Test func timeThatStandsStill() {
    var bucket = TokenBucket(rate: 1000, burst: 1, now: Instant(milliseconds: 10))
    #expect(Self.taken(&bucket, now: 5) == 1)
    #expect(Self.taken(&bucket, now: 10) == 0)
  }
}
