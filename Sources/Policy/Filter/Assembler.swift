/// Assembles a classic BPF program from its end to its start.
///
/// Jumps only go forward, so each target exists before the jump to it, and its distance is known. Where it
/// exceeds the 8 bits of jt and jf, an island is put between: a copy of a result, or an unconditional jump.
struct Assembler {
  /// A place in the program, counted from its end.
  typealias Label = Int

  private var reversed: [Instruction] = []
  // The latest stand-in for each place: itself, or an island.
  private var nearest: [Label] = []

  /// The program so far.
  var instructions: [Instruction] { reversed.reversed() }
  /// How many instructions it has.
  var count: Int { reversed.count }

  init() {
    reversed.reserveCapacity(256)
    nearest.reserveCapacity(256)
  }

  /// Ends the program with a result.
  mutating func result(_ value: UInt32) -> Label {
    append(Instruction(code: Opcode.result, jt: 0, jf: 0, k: value))
  }

  /// A comparison with two ways on.
  mutating func branch(_ code: UInt16, _ k: UInt32, yes: Label, no: Label) -> Label {
    if yes == no { return yes }
    let near = (yes: reach(yes), no: reach(no))
    return append(
      Instruction(code: code, jt: UInt8(count - 1 - near.yes), jf: UInt8(count - 1 - near.no), k: k))
  }

  /// An instruction that goes on to a place: a load, or a mask.
  mutating func step(_ code: UInt16, _ k: UInt32, then next: Label) -> Label {
    // What ends at once needs nothing loaded.
    if reversed[next].code == Opcode.result { return next }
    if next != count - 1 { jump(next) }
    return append(Instruction(code: code, jt: 0, jf: 0, k: k))
  }

  // 254, not 255: the island for the other way may still come between.
  private mutating func reach(_ target: Label) -> Label {
    if count - 1 - nearest[target] > 254 {
      let value = reversed[target]
      nearest[target] =
        value.code == Opcode.result ? append(value) : jump(target)
    }
    return nearest[target]
  }

  @discardableResult
  private mutating func jump(_ target: Label) -> Label {
    append(Instruction(code: Opcode.jump, jt: 0, jf: 0, k: UInt32(count - 1 - target)))
  }

  @discardableResult
  private mutating func append(_ instruction: Instruction) -> Label {
    reversed.append(instruction)
    nearest.append(count - 1)
    return count - 1
  }
}
