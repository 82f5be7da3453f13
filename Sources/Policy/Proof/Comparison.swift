/// A comparison of the accumulator with an operand: a conditional jump of classic BPF.
struct Comparison {
  enum Relation {
    case equal
    case greater
    case atLeast
    case anySet
  }

  let relation: Relation
  let operand: UInt32

  /// Nil for any other instruction.
  init?(_ instruction: Instruction) {
    switch instruction.code {
    case Opcode.jumpEqual: relation = .equal
    case Opcode.jumpGreater: relation = .greater
    case Opcode.jumpAtLeast: relation = .atLeast
    case Opcode.jumpAnySet: relation = .anySet
    default: return nil
    }
    operand = instruction.k
  }

  /// Whether it holds for a value.
  func holds(_ value: UInt32) -> Bool {
    switch relation {
    case .equal: value == operand
    case .greater: value > operand
    case .atLeast: value >= operand
    case .anySet: value & operand != 0
    }
  }

  /// The values of a field for which it holds of `(value >> shift) & mask`; nil where these could be too many
  /// spans to list: bits of an address.
  func values(of field: FrameField, shift: UInt32, mask: UInt32) -> ValueSet? {
    if shift == 0, mask == field.maximum, relation != .anySet { return wholeValues(of: field) }
    if field.size > 2 { return nil }
    var spans: [ValueSet.Span] = []
    collect(0, field.maximum, shift, mask, &spans)
    return ValueSet(ascending: spans)
  }

  private func wholeValues(of field: FrameField) -> ValueSet {
    let maximum = field.maximum
    switch relation {
    case .equal: return operand <= maximum ? ValueSet(operand) : .none
    case .atLeast: return operand <= maximum ? ValueSet(operand, maximum) : .none
    case .greater: return operand < maximum ? ValueSet(operand + 1, maximum) : .none
    case .anySet: return .none
    }
  }

  // Halves a block of values, all combinations of the bits of `below` on top of `base`, until the comparison
  // has one outcome in it. Shifting and masking keep the order of subsets of bits, so the least value comes
  // from the least, the greatest from the greatest.
  private func collect(
    _ base: UInt32, _ below: UInt32, _ shift: UInt32, _ mask: UInt32, _ spans: inout [ValueSet.Span]
  ) {
    let least = base >> shift & mask
    let greatest = (base | below) >> shift & mask
    let isAlways: Bool
    let isNever: Bool
    switch relation {
    case .equal:
      isAlways = least == operand && greatest == operand
      isNever = least > operand || greatest < operand
    case .greater: (isAlways, isNever) = (least > operand, greatest <= operand)
    case .atLeast: (isAlways, isNever) = (least >= operand, greatest < operand)
    case .anySet: (isAlways, isNever) = (least & operand != 0, greatest & operand == 0)
    }
    if isNever { return }
    if isAlways {
      spans.append(ValueSet.Span(first: base, last: base | below))
      return
    }
    let half = below >> 1
    collect(base, half, shift, mask, &spans)
    collect(base | (half + 1), half, shift, mask, &spans)
  }
}
