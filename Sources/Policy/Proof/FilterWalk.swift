/// Walks every path of a program, symbolically: with a box of frames instead of one.
///
/// A comparison cuts the box in two, the frames for which it holds and the others, and the walk goes on with
/// both. A part is left out only when it is empty, and that the parts add up to the whole is checked at every
/// cut; so the boxes at the results partition all frames.
///
/// A frame that ends before a field counts through the longer ones: the kernel drops it if the program loads
/// the missing field, and otherwise it goes the way of every longer frame that begins with it.
struct FilterWalk {
  private struct State {
    var position = 0
    // The kernel clears the accumulator first.
    var accumulator = Accumulator.constant(0)
    var box = FrameBox.everything
  }

  private let steps: [FilterStep]
  private var pending = [State()]

  init(_ program: FilterProgram) throws(MalformedFilter) { steps = try FilterDecoder.steps(of: program) }

  /// The next path's frames and its result; nil after the last one.
  mutating func next() throws(MalformedFilter) -> (box: FrameBox, result: UInt32)? {
    guard var state = pending.popLast() else { return nil }
    while true {
      switch steps[state.position] {
      case .result(let result): return (state.box, result)
      case .jump(let target): state.position = target
      case .load(let loaded):
        state.accumulator = loaded
        state.position += 1
      case .mask(let mask):
        state.accumulator = Self.masked(state.accumulator, mask)
        state.position += 1
      case .compare(let comparison, let holding, let failing):
        try cut(&state, comparison, holding, failing)
      }
    }
  }

  private static func masked(_ accumulator: Accumulator, _ k: UInt32) -> Accumulator {
    switch accumulator {
    case .constant(let value): .constant(value & k)
    case .field(let field, let shift, let mask): .field(field, shift: shift, mask: mask & k)
    }
  }

  // Goes on with the frames for which the comparison holds, and keeps the others for later.
  private mutating func cut(
    _ state: inout State, _ comparison: Comparison, _ holding: Int, _ failing: Int
  ) throws(MalformedFilter) {
    switch state.accumulator {
    case .constant(let value):
      state.position = comparison.holds(value) ? holding : failing
    case .field(let field, let shift, let mask):
      guard let matching = comparison.values(of: field, shift: shift, mask: mask) else {
        throw MalformedFilter(instruction: state.position, reason: "compares bits of an address")
      }
      let whole = state.box[field]
      let yes = whole.intersection(matching)
      let no = whole.subtracting(matching)
      precondition(yes.count + no.count == whole.count, "the parts of a cut are not the whole")
      if yes.isEmpty {
        state.position = failing
        return
      }
      if !no.isEmpty {
        var other = state
        other.position = failing
        other.box[field] = no
        pending.append(other)
        state.box[field] = yes
      }
      state.position = holding
    }
  }
}
