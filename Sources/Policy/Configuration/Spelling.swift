/// What a misspelt word was perhaps meant to be.
enum Spelling {
  /// The candidate that is the fewest typing errors away; nil when none is close.
  static func suggestion(for word: String, among candidates: some Sequence<String>) -> String? {
    let word = Array(word.lowercased().utf8).map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 }
    // Longer than any key with its tolerance; it also bounds the work on arbitrary input.
    guard (1...32).contains(word.count) else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
      let distance = distance(word, Array(candidate.utf8))
      let tolerance = max(1, candidate.utf8.count / 3)
      if distance <= tolerance, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.candidate
  }

  // Damerau's distance in its "optimal string alignment" form: an adjacent swap is one error.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
      var current = [i + 1]
      for j in b.indices {
        let change = a[i] == b[j] ? 0 : 1
        var cost = min(previous[j + 1] + 1, current[j] + 1, previous[j] + change)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          cost = min(cost, beforePrevious[j - 1] + 1)
        }
        current.append(cost)
      }
      beforePrevious = previous
      previous = current
    }
    return previous[b.count]
  }
}
