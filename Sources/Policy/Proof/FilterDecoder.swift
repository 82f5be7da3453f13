/// Why nothing can be said about a program.
struct MalformedFilter: Error {
  /// The instruction at fault, from 0.
  let instruction: Int
  let reason: String
}

/// An instruction of a well-formed filter program, with absolute targets.
///
/// A step without targets is followed by the next one, a result by none.
enum FilterStep {
  case load(Accumulator)
  case mask(UInt32)
  case jump(Int)
  case compare(Comparison, holding: Int, failing: Int)
  case result(UInt32)
}

/// The form that every filter program has, checked instruction by instruction, reachable or not: only the
/// operations that are known, loads of fields only, and jumps that go forward and end inside the program. So
/// every path ends, and ends at a result.
enum FilterDecoder {
  static func steps(of program: FilterProgram) throws(MalformedFilter) -> [FilterStep] {
    let instructions = program.instructions
    guard !instructions.isEmpty else { throw MalformedFilter(instruction: 0, reason: "no instruction") }
    guard instructions.count <= FilterProgram.maximum else {
      throw MalformedFilter(instruction: FilterProgram.maximum, reason: "too many instructions")
    }
    var steps: [FilterStep] = []
    for (index, instruction) in instructions.enumerated() {
      guard let step = step(instruction, next: index + 1) else {
        throw MalformedFilter(
          instruction: index,
          reason: "operation \(instruction.code) on \(instruction.k) does not occur in filters")
      }
      guard successors(of: step, next: index + 1).allSatisfy({ $0 < instructions.count }) else {
        throw MalformedFilter(instruction: index, reason: "leads past the end of the program")
      }
      steps.append(step)
    }
    return steps
  }

  private static func step(_ instruction: Instruction, next: Int) -> FilterStep? {
    switch instruction.code {
    case Opcode.loadByte: return FrameField.load(instruction.k, size: 1).map { .load($0) }
    case Opcode.loadHalf: return FrameField.load(instruction.k, size: 2).map { .load($0) }
    case Opcode.loadWord: return FrameField.load(instruction.k, size: 4).map { .load($0) }
    case Opcode.and: return .mask(instruction.k)
    // The operand is unsigned: there is no way back.
    case Opcode.jump: return .jump(next + Int(instruction.k))
    case Opcode.result: return .result(instruction.k)
    default:
      return Comparison(instruction).map {
        .compare($0, holding: next + Int(instruction.jt), failing: next + Int(instruction.jf))
      }
    }
  }

  private static func successors(of step: FilterStep, next: Int) -> [Int] {
    switch step {
    case .load, .mask: [next]
    case .jump(let target): [target]
    case .compare(_, let holding, let failing): [holding, failing]
    case .result: []
    }
  }
}
