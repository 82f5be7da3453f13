/// Where a search over 32-bit values leads from `start` on, up to the next segment's start.
struct Segment {
  let start: UInt32
  /// What decides there; equal numbers lead to the same place.
  let target: Int
}

/// A binary search over segments, as code.
///
/// `Target` labels are asked for as late as possible, so that what they name stands close to the jump.
struct SearchTree {
  /// How many single values a leaf compares one after the other: a longer chain is a smaller and slower
  /// program.
  static let chain = 8

  let segments: [Segment]

  /// Emits the search over the accumulator.
  func emit(into assembler: inout Assembler, label: (Int, inout Assembler) -> Assembler.Label)
    -> Assembler.Label
  {
    emit(segments.startIndex..<segments.endIndex, &assembler, label)
  }

  private func emit(
    _ range: Range<Int>, _ assembler: inout Assembler,
    _ label: (Int, inout Assembler) -> Assembler.Label
  ) -> Assembler.Label {
    if let otherwise = leaf(range) {
      var next = label(segments[otherwise].target, &assembler)
      for index in range.reversed() where segments[index].target != segments[otherwise].target {
        let hit = label(segments[index].target, &assembler)
        next = assembler.branch(Opcode.jumpEqual, segments[index].start, yes: hit, no: next)
      }
      return next
    }
    let middle = range.lowerBound + (range.count + 1) / 2
    let high = emit(middle..<range.upperBound, &assembler, label)
    let low = emit(range.lowerBound..<middle, &assembler, label)
    return assembler.branch(Opcode.jumpAtLeast, segments[middle].start, yes: high, no: low)
  }

  // A range of few single values over one background: the index of the background, nil for any other shape.
  private func leaf(_ range: Range<Int>) -> Int? {
    if range.count > 2 * Self.chain + 1 { return nil }
    let otherwise = range.first { !isSingle($0) } ?? range.upperBound - 1
    var singles = 0
    for index in range where segments[index].target != segments[otherwise].target {
      guard isSingle(index) else { return nil }
      singles += 1
    }
    return singles <= Self.chain ? otherwise : nil
  }

  private func isSingle(_ index: Int) -> Bool {
    let end = index + 1 < segments.count ? segments[index + 1].start : 0
    return end &- segments[index].start == 1
  }
}
