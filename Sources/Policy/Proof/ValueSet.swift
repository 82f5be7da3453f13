/// A set of 32-bit values, as ascending spans that do not overlap.
struct ValueSet: Hashable, Sendable {
  /// All values from the first to the last.
  struct Span: Hashable, Sendable {
    let first: UInt32
    let last: UInt32
  }

  private(set) var spans: [Span]

  static let none = ValueSet(ascending: [])
  /// The values that fit into 16 bits.
  static let half = ValueSet(0, 0xffff)

  init(_ first: UInt32, _ last: UInt32) { spans = [Span(first: first, last: last)] }

  init(_ value: UInt32) { self.init(value, value) }

  /// Spans that are ascending and disjoint already.
  init(ascending spans: [Span]) { self.spans = spans }

  var isEmpty: Bool { spans.isEmpty }

  /// The smallest value.
  var first: UInt32? { spans.first?.first }

  /// How many values there are.
  var count: UInt64 {
    var sum: UInt64 = 0
    for span in spans { sum += UInt64(span.last - span.first) + 1 }
    return sum
  }

  /// The smallest value that is not below the given one.
  func next(from value: UInt32) -> UInt32? {
    let index = reaching(value)
    return index < spans.count ? max(value, spans[index].first) : nil
  }

  func contains(_ value: UInt32) -> Bool { next(from: value) == value }

  /// The values in both sets.
  func intersection(_ other: ValueSet) -> ValueSet {
    guard let start = spans.first?.first, let otherStart = other.first else { return .none }
    var result: [Span] = []
    var mine = reaching(otherStart)
    var theirs = other.reaching(start)
    while mine < spans.count, theirs < other.spans.count {
      let (a, b) = (spans[mine], other.spans[theirs])
      let (low, high) = (max(a.first, b.first), min(a.last, b.last))
      if low <= high { result.append(Span(first: low, last: high)) }
      if a.last < b.last { mine += 1 } else { theirs += 1 }
    }
    return ValueSet(ascending: result)
  }

  /// The values in this set that are not in the other.
  func subtracting(_ other: ValueSet) -> ValueSet {
    guard let start = spans.first?.first else { return self }
    var result: [Span] = []
    var hole = other.reaching(start)
    for span in spans {
      // Wider than a value: the end of the last hole has no successor among them.
      var low = UInt64(span.first)
      while hole < other.spans.count, other.spans[hole].first <= span.last {
        let gap = other.spans[hole]
        if gap.first > low { result.append(Span(first: UInt32(low), last: gap.first - 1)) }
        low = max(low, UInt64(gap.last) + 1)
        // A hole that reaches past this span may cut the next one too.
        if gap.last > span.last { break }
        hole += 1
      }
      if low <= span.last { result.append(Span(first: UInt32(low), last: span.last)) }
    }
    return ValueSet(ascending: result)
  }

  // The index of the first span that does not end below the value.
  private func reaching(_ value: UInt32) -> Int {
    var low = 0
    var high = spans.count
    while low < high {
      let middle = (low + high) / 2
      if spans[middle].last < value { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
