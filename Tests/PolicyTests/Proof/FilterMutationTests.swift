import Testing

@testable import Policy

/// The proof against damaged programs: whatever is changed, it finds the frame that tells, and it finds none
/// when there is none.
struct FilterMutationTests {
  struct Tally {
    var refuted = 0
    var malformed = 0
    var proven = 0
  }

  // The whole of small programs, of every shape that the compiler knows.
  @Test(arguments: [
    "block-net = 0.0.0.0/0\nipv6 = off\nallow-ip = 10.0.0.1:443/tcp", "network = none",
    "block-net = 0.0.0.0/0\nblock-net = ::/0\nallow-ip = [fd00::5]:80,443,8000-8999\nallow-ip = 10.0.0.1",
    "block-net = ::/0\nallow-ip = 10.0.0.1:53/udp\nblock-ip = 9.9.9.9:25/tcp",
  ])
  func everyMutantOfSmallPrograms(lines: String) throws {
    let plan = try plan(lines)
    var random = Random(seed: 40)
    let frames = try Self.frames(of: plan, &random)
    var tally = Tally()
    for index in plan.filter.instructions.indices {
      for mutant in Self.mutants(of: plan.filter, at: index) {
        try Self.judge(mutant, plan, frames, at: index, &tally)
      }
    }
    // Most mutations matter, and the small programs have few that do not.
    #expect(tally.refuted > tally.proven)
  }

  @Test(arguments: 0..<2 as Range<UInt64>)
  func mutantsOfRandomPrograms(seed: UInt64) throws {
    var random = Random(seed: 200 + seed)
    var tally = Tally()
    for _ in 0..<25 {
      let sample = try RandomPlan(&random)
      let frames = try Self.frames(of: sample.plan, &random)
      for _ in 0..<16 {
        let index = random.below(sample.plan.filter.instructions.count)
        let mutant = random.pick(Self.mutants(of: sample.plan.filter, at: index))
        try Self.judge(mutant, sample.plan, frames, at: index, &tally)
      }
    }
    #expect(tally.refuted > tally.proven)
  }

  // Each test is replaced by its way on; what it kept out comes in, and for no other reason: repaired it would
  // be admitted. Where only TCP is open the first two tests of the protocol are not needed, so these are tried
  // with everything open.
  @Test(arguments: [
    ("EtherType", "", 1, 12, [8, 0]), ("version and options", "", 3, 14, [0x45]),
    ("fragments", "", 5, 20, [0, 0]), ("protocol", "", 9, 23, [6]), ("echo request", "", 11, 34, [8]),
    ("destination", "", 13, 30, [10, 0, 0, 1]), ("TCP", ":443/tcp", 15, 23, [6]),
    ("port", ":443/tcp", 17, 36, [0x01, 0xbb]),
  ])
  func everyTestIsNeeded(name: String, services: String, index: Int, offset: Int, bytes: [UInt8]) throws {
    let plan = try plan("block-net = 0.0.0.0/0\nipv6 = off\nallow-ip = 10.0.0.1\(services)")
    var instructions = plan.filter.instructions
    // Only the test for fragments drops when it holds.
    let wayOn = index == 5 ? instructions[index].jf : instructions[index].jt
    instructions[index] = Instruction(code: Opcode.jump, jt: 0, jf: 0, k: UInt32(wayOn))
    let result = FilterProof.check(FilterProgram(instructions: instructions), against: plan)
    guard case .counterexample(let found) = result else {
      Issue.record("\(name): \(result)")
      return
    }
    #expect(found.expected == FilterProgram.drop && found.actual == FilterProgram.accept)
    let filter = try Interpreter(plan.filter)
    var frame = found.packet
    #expect(filter.run(frame) == FilterProgram.drop)
    frame.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    #expect(filter.run(frame) == FilterProgram.accept, "\(name)")
  }

  private static func mutants(of program: FilterProgram, at index: Int) -> [FilterProgram] {
    let old = program.instructions[index]
    func replaced(_ code: UInt16? = nil, jt: UInt8? = nil, jf: UInt8? = nil, k: UInt32) -> FilterProgram {
      var instructions = program.instructions
      instructions[index] = Instruction(code: code ?? old.code, jt: jt ?? old.jt, jf: jf ?? old.jf, k: k)
      return FilterProgram(instructions: instructions)
    }
    var shorter = program.instructions
    shorter.remove(at: index)
    var mutants = [replaced(k: old.k &+ 1), replaced(k: old.k &- 1), FilterProgram(instructions: shorter)]
    // Dropped, with all jumps across it still right.
    if old.code != Opcode.result { mutants.append(replaced(Opcode.jump, jt: 0, jf: 0, k: 0)) }
    if old.jt != old.jf { mutants.append(replaced(jt: old.jf, jf: old.jt, k: old.k)) }
    if old.code == Opcode.result { mutants.append(replaced(k: ~old.k)) }
    return mutants
  }

  private static func judge(
    _ mutant: FilterProgram, _ plan: Plan, _ frames: [[UInt8]], at index: Int, _ tally: inout Tally
  ) throws {
    let original = Interpreter(unchecked: plan.filter)
    switch FilterProof.check(mutant, against: plan) {
    case .counterexample(let found):
      tally.refuted += 1
      let actual = Interpreter(unchecked: mutant).run(found.packet)
      let expected = original.run(found.packet)
      if actual != found.actual || expected != found.expected || actual == expected {
        Issue.record("instruction \(index): \(found) is none: \(expected), \(actual)")
      }
    case .proven:
      tally.proven += 1
      let interpreter = Interpreter(unchecked: mutant)
      for frame in frames where interpreter.run(frame) != original.run(frame) {
        Issue.record("instruction \(index): \(frame) tells, and nothing was found")
        return
      }
    case .malformed:
      // A load of something else, a jump or a way past the end: only the form can be to blame.
      tally.malformed += 1
      #expect(throws: (any Error).self) { try FilterDecoder.steps(of: mutant) }
    case .inverseDiffers: Issue.record("nobody asked about the inverse")
    }
  }

  // Frames at the edges of the rules, half of them damaged where filters look.
  private static func frames(of plan: Plan, _ random: inout Random) throws -> [[UInt8]] {
    try (0..<150).map { index in
      let prefix = random.pick(plan.rules).prefix
      let end = random.bool() ? prefix.first : prefix.last
      let value = random.bool() ? end : random.bool() ? end &+ 1 : end &- 1
      let ports = RandomPlan.ports + [25, 54, 79, 81]
      let flow = Flow(
        destination: IPAddress(family: prefix.family, value: value),
        transport: random.pick(TransportProtocol.allCases), port: random.pick(ports))
      var frame = Frame.carrying(flow, &random)
      if index % 2 == 0 {
        let field = random.pick(FrameField.allCases.filter { $0.offset < frame.count })
        frame[field.offset] ^= random.bool() ? 1 << UInt8(random.below(8)) : random.byte()
      }
      return try #require(frame.count < FrameField.frameLength ? frame + random.bytes(24) : frame)
    }
  }
}
