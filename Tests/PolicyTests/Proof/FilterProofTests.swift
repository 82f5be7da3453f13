@testable import Policy
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// The proof against compiled programs. CLAUDE_SANDBOX_PROOF_PLANS sets how many random plans are proven.
struct FilterProofTests {
  private static let shards: UInt64 = 4

  private static var plans: Int {
    guard let text = unsafe getenv("CLAUDE_SANDBOX_PROOF_PLANS"),
      let count = unsafe Int(String(cString: text))
    else { return 2000 }
    return count
  }

  @Test(arguments: 0..<shards)
  func randomPlansAreProven(seed: UInt64) throws {
    var random = Random(seed: 100 + seed)
    for index in 0..<max(1, Self.plans / Int(Self.shards)) {
      let result = FilterProof.check(try RandomPlan(&random).plan)
      guard case .proven = result else {
        Issue.record("seed \(seed), plan \(index): \(result)")
        return
      }
    }
  }

  // Fixed programs have a fixed number of paths: the walk leaves none out and takes none twice.
  @Test(arguments: [
    ("network = none", 1), ("network = restricted\nallow-domain = a.org", 1),
    // As below: only what opens is on a path.
    ("network = restricted\nipv6 = off\nallow-ip = 10.0.0.1:443/tcp", 12),
    // IPv4 alone: other EtherTypes, options, fragments, TCP, UDP, ICMP that is no echo, echo, other protocols;
    // TCP to 10.0.0.1 (443, other ports) and elsewhere, UDP and echo to 10.0.0.1 and elsewhere.
    ("block-net = 0.0.0.0/0\nipv6 = off\nallow-ip = 10.0.0.1:443/tcp", 12),
  ])
  func pathsOfTinyPrograms(lines: String, paths: Int) throws {
    #expect(FilterProof.check(try plan(lines)) == .proven(paths: paths))
  }

  @Test func theRuleMapDecidesAsTheRulesDo() throws {
    var random = Random(seed: 30)
    for _ in 0..<40 {
      let sample = try RandomPlan(&random)
      let maps = [Family.ipv4: RuleMap(sample.plan.rules, .ipv4), .ipv6: RuleMap(sample.plan.rules, .ipv6)]
      for (family, map) in maps {
        #expect(map.stretches.first?.first == 0)
        #expect(map.stretches.last?.last == family.maximum)
        for (stretch, next) in zip(map.stretches, map.stretches.dropFirst()) {
          #expect(stretch.first <= stretch.last && stretch.last + 1 == next.first)
        }
      }
      for _ in 0..<400 {
        let flow = sample.flow(&random)
        let stretch = try #require(maps[flow.destination.family]).stretch(at: flow.destination.value)
        let isOpen = stretch.open(flow.transport).contains(UInt32(flow.port))
        if isOpen != sample.plan.decide(flow).allowed { Issue.record("\(flow): \(isOpen)") }
      }
    }
  }

  // The boxes of a program partition the frames: each is in one of them, and that one has its result.
  @Test func everyFrameIsInExactlyOneBox() throws {
    var random = Random(seed: 31)
    for _ in 0..<12 {
      let sample = try RandomPlan(&random)
      let interpreter = try Interpreter(sample.plan.filter)
      var walk = try FilterWalk(sample.plan.filter)
      var boxes: [(box: FrameBox, result: UInt32)] = []
      while let path = try walk.next() { boxes.append(path) }
      for _ in 0..<30 {
        var frame = Frame.carrying(sample.flow(&random), &random) + random.bytes(24)
        if random.bool() { frame[random.pick(FrameField.allCases).offset] = random.byte() }
        let found = boxes.filter { $0.box.holds(frame) }
        #expect(found.map(\.result) == [interpreter.run(frame)])
      }
    }
  }

  @Test func theInverseIsProvenToo() throws {
    let filter = try plan("allow-ip = 10.0.0.1:443").filter
    #expect(filter.inverse.isComplement(of: filter))
    for index in filter.inverse.instructions.indices {
      var instructions = filter.inverse.instructions
      let old = instructions[index]
      instructions[index] = Instruction(code: old.code, jt: old.jt, jf: old.jf, k: old.k ^ 1)
      #expect(!FilterProgram(instructions: instructions).isComplement(of: filter), "\(index)")
    }
    #expect(!filter.isComplement(of: filter))
    #expect(!FilterProgram(instructions: filter.inverse.instructions.dropLast()).isComplement(of: filter))
  }

  struct Malformed: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let instructions: [(code: UInt16, jt: UInt8, jf: UInt8, k: UInt32)]
    let at: Int
  }

  @Test(arguments: [
    Malformed(testDescription: "nothing", instructions: [], at: 0),
    Malformed(testDescription: "no result at the end", instructions: [(0x28, 0, 0, 12)], at: 0),
    Malformed(testDescription: "jump past the end", instructions: [(0x05, 0, 0, 1), (0x06, 0, 0, 0)], at: 0),
    Malformed(
      testDescription: "jump that would wrap", instructions: [(0x05, 0, 0, .max), (0x06, 0, 0, 0)], at: 0),
    Malformed(
      testDescription: "branch past the end", instructions: [(0x15, 1, 0, 5), (0x06, 0, 0, 0)], at: 0),
    Malformed(
      testDescription: "load between fields", instructions: [(0x28, 0, 0, 13), (0x06, 0, 0, 0)], at: 0),
    Malformed(
      testDescription: "load of another width", instructions: [(0x30, 0, 0, 12), (0x06, 0, 0, 0)], at: 0),
    Malformed(
      testDescription: "ancillary load", instructions: [(0x20, 0, 0, 0xffff_f004), (0x06, 0, 0, 0)], at: 0),
    Malformed(
      testDescription: "indirect load", instructions: [(0x06, 0, 0, 0), (0x50, 0, 0, 12), (0x06, 0, 0, 0)],
      at: 1),
    Malformed(
      testDescription: "bits of an address",
      instructions: [(0x20, 0, 0, 30), (0x45, 0, 0, 1), (0x06, 0, 0, 0)], at: 1),
  ])
  func malformedPrograms(_ sample: Malformed) throws {
    let program = FilterProgram(
      instructions: sample.instructions.map { Instruction(code: $0.code, jt: $0.jt, jf: $0.jf, k: $0.k) })
    guard case .malformed(let index, _) = FilterProof.check(program, against: try plan()) else {
      Issue.record("taken for a filter")
      return
    }
    #expect(index == sample.at)
  }

  // Results that the kernel would take for "admit, but cut short" are no verdict.
  @Test(arguments: [1, 0xffff, UInt32.max - 1])
  func otherResultsAreRefuted(result: UInt32) throws {
    let program = FilterProgram(instructions: [
      Instruction(code: Opcode.result, jt: 0, jf: 0, k: result)
    ])
    guard case .counterexample(let found) = FilterProof.check(program, against: try plan()) else {
      Issue.record("taken for a filter")
      return
    }
    #expect(found.actual == result && found.expected != result)
  }
}

extension FrameBox {
  fileprivate func holds(_ frame: [UInt8]) -> Bool {
    FrameField.allCases.allSatisfy { field in
      let bytes = frame[field.offset..<field.offset + field.size]
      return self[field].contains(bytes.reduce(0) { $0 << 8 | UInt32($1) })
    }
  }
}
