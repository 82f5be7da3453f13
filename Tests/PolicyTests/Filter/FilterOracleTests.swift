import Policy
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// The compiled filter against the definition, packet by packet.
///
/// `decide` searches the rules one by one; the filter is compiled without it. CLAUDE_SANDBOX_FILTER_PACKETS
/// sets how many packets are tried in all.
struct FilterOracleTests {
  private static let shards: UInt64 = 8
  private static let packetsPerPlan = 250

  private static var packets: Int {
    guard let text = unsafe getenv("CLAUDE_SANDBOX_FILTER_PACKETS"),
      let count = unsafe Int(String(cString: text))
    else { return 600_000 }
    return count
  }

  @Test(arguments: 0..<shards)
  func filterDecidesAsTheRulesDo(seed: UInt64) throws {
    var random = Random(seed: seed)
    var allowed = 0
    var refused = 0
    for _ in 0..<max(1, Self.packets / Int(Self.shards) / Self.packetsPerPlan) {
      let sample = try RandomPlan(&random)
      let filter = try Interpreter(sample.plan.filter)
      let inverse = try Interpreter(sample.plan.filter.inverse)
      for _ in 0..<Self.packetsPerPlan {
        let flow = sample.flow(&random)
        let frame = Frame.carrying(flow, &random)
        let decision = sample.plan.decide(flow)
        if decision.allowed { allowed += 1 } else { refused += 1 }
        let result = filter.run(frame)
        let opposite = inverse.run(frame)
        // #expect for each packet would cost more than the packet.
        if result != (decision.allowed ? 0xffff_ffff : 0) || opposite != (decision.allowed ? 0 : 0xffff) {
          Issue.record("seed \(seed): \(flow): decided \(decision), filter \(result), inverse \(opposite)")
          return
        }
      }
    }
    // Both verdicts must have been tried, or the comparison means little.
    #expect(min(allowed, refused) * 10 > allowed + refused)
  }
}
