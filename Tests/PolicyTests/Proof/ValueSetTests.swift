import Testing

@testable import Policy

/// The proof's arithmetic against plain enumeration.
struct ValueSetTests {
  @Test func operationsAgreeWithSets() {
    var random = Random(seed: 50)
    for _ in 0..<2000 {
      let (a, b) = (Self.members(&random), Self.members(&random))
      let (x, y) = (ValueSet(members: a), ValueSet(members: b))
      #expect(Self.elements(x.intersection(y)) == a.intersection(b).sorted())
      #expect(Self.elements(x.subtracting(y)) == a.subtracting(b).sorted())
      #expect(x.count == UInt64(a.count))
      #expect(x.first == a.min())
      let value = UInt32(random.below(26))
      #expect(x.next(from: value) == a.filter { $0 >= value }.min())
      #expect(x.contains(value) == a.contains(value))
    }
  }

  @Test func theLargestValue() {
    let all = ValueSet(0, .max)
    #expect(all.count == 1 << 32)
    #expect(all.subtracting(ValueSet(.max)) == ValueSet(0, .max - 1))
    #expect(all.subtracting(all).isEmpty)
    #expect(ValueSet(5, .max).subtracting(ValueSet(9)).spans.count == 2)
  }

  @Test func comparisonsAgreeWithTheirMeaning() throws {
    var random = Random(seed: 51)
    let codes = [Opcode.jumpEqual, Opcode.jumpGreater, Opcode.jumpAtLeast, Opcode.jumpAnySet]
    let loads: [(FrameField, shift: UInt32, full: UInt32)] = [(.version, 0, 0xff), (.fragments, 8, 0xff)]
    for _ in 0..<400 {
      let (field, shift, full) = random.pick(loads)
      let mask = random.one(in: 3) ? full : UInt32(random.byte())
      let operand = random.one(in: 6) ? 0x100 + UInt32(random.byte()) : UInt32(random.byte())
      let instruction = Instruction(code: random.pick(codes), jt: 0, jf: 0, k: operand)
      let comparison = try #require(Comparison(instruction))
      let values = try #require(comparison.values(of: field, shift: shift, mask: mask))
      for value in stride(from: 0, through: field.maximum, by: field.size == 1 ? 1 : 51)
      where values.contains(value) != comparison.holds(value >> shift & mask) {
        Issue.record("\(instruction) with \(value >> shift & mask)")
      }
    }
  }

  // Two words of few values each: the next number behind each target.
  @Test func numbersAcrossWords() {
    var random = Random(seed: 52)
    let fields = [FrameField.destination6a, .destination6b, .destination6c]
    for _ in 0..<300 {
      var box = FrameBox.everything
      var numbers: [UInt128] = [0]
      for field in fields {
        var words = Set((0..<3).map { _ in UInt32(random.below(5)) })
        if random.one(in: 4) { words.insert(.max) }
        box[field] = ValueSet(members: words)
        numbers = numbers.flatMap { number in words.sorted().map { number << 32 | UInt128($0) } }
      }
      for _ in 0..<20 {
        let target = fields.reduce(UInt128(0)) { number, _ in
          number << 32 | UInt128(random.one(in: 6) ? .max : UInt32(random.below(6)))
        }
        #expect(box.number(from: target, in: fields) == numbers.first { $0 >= target })
      }
    }
  }

  private static func members(_ random: inout Random) -> Set<UInt32> {
    let bits = random.next() & random.next() | random.next() & 0xff
    return Set((0..<24).filter { bits >> UInt64($0) & 1 == 1 })
  }

  private static func elements(_ set: ValueSet) -> [UInt32] { set.spans.flatMap { $0.first...$0.last } }
}

extension ValueSet {
  fileprivate init(members: Set<UInt32>) {
    var spans: [Span] = []
    for value in members.sorted() {
      if let last = spans.last, last.last + 1 == value {
        spans[spans.count - 1] = Span(first: last.first, last: value)
      } else {
        spans.append(Span(first: value, last: value))
      }
    }
    self.init(ascending: spans)
  }
}
