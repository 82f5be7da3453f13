import Policy
import Testing

/// "The most specific rule wins", as properties of any plan.
struct MostSpecificTests {
  // No matching rule is more specific than the one that decided, and none of the same length outranks it.
  @Test func noMatchingRuleIsMoreSpecific() throws {
    try forEachPlan(seed: 40) { sample, random in
      for _ in 0..<40 {
        let flow = sample.flow(&random)
        let decision = sample.plan.decide(flow)
        let matching = sample.plan.rules.filter { $0.matches(flow) }
        let longest = matching.filter { rule in !matching.contains { $0.prefix.length > rule.prefix.length } }
        #expect(longest.contains(decision.rule), "\(flow)")
        #expect(decision.allowed == Self.isAllowed(longest), "\(flow): \(longest)")
      }
    }
  }

  @Test func theOrderOfTheRulesDecidesNothing() throws {
    try forEachPlan(seed: 41) { sample, random in
      var configuration = sample.configuration
      configuration.rules.reverse()
      let plan = try Plan.make(configuration: configuration, facts: sample.facts, keeping: sample.plan)
      #expect(plan.routes == sample.plan.routes)
      for _ in 0..<40 {
        let flow = sample.flow(&random)
        #expect(plan.decide(flow).allowed == sample.plan.decide(flow).allowed, "\(flow)")
      }
    }
  }

  // One more rule changes nothing outside its prefix, nor for the services that it does not name.
  @Test func aRuleDecidesAboutItsPrefixAndServicesOnly() throws {
    try forEachPlan(seed: 42) { sample, random in
      var configuration = sample.configuration
      let rule = RandomPlan.rule(1000, RandomPlan.address(&random), &random)
      configuration.rules.append(rule)
      let plan = try Plan.make(configuration: configuration, facts: sample.facts, keeping: sample.plan)
      for _ in 0..<40 {
        let flow = sample.flow(&random)
        if rule.matches(flow) { continue }
        #expect(plan.decide(flow).allowed == sample.plan.decide(flow).allowed, "\(flow): \(rule)")
      }
    }
  }

  private func forEachPlan(seed: UInt64, _ body: (RandomPlan, inout Random) throws -> Void) throws {
    var random = Random(seed: seed)
    for _ in 0..<60 { try body(RandomPlan(&random), &random) }
  }

  // At equal length: a configured block, a configured allow, any other block, the base.
  private static func isAllowed(_ rules: [Rule]) -> Bool {
    let configured = rules.filter { if case .configuration = $0.origin { true } else { false } }
    return (configured.isEmpty ? rules : configured).allSatisfy { $0.action == .allow }
  }
}
