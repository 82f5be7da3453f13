import Testing

/// What is checked of every script.
func check(_ script: Script) {
  let whole = script.play()
  #expect(whole.verdict == script.verdict)
  func agrees(_ other: Connection, _ cut: String) {
    #expect(other.verdict == whole.verdict, "cut \(cut)")
    // What came before a refusal may have been passed on.
    if case .refused = whole.verdict { return }
    #expect(other.passed == whole.passed, "cut \(cut)")
  }
  // Of what is very long, some places.
  agrees(
    script.play { _, length in Array(stride(from: 1, to: length, by: length > 4096 ? length / 50 : 1)) },
    "everywhere")
  for (number, turn) in script.turns.enumerated().prefix(10) {
    let step = turn.bytes.count > 4096 ? turn.bytes.count / 10 : 1
    for place in stride(from: 1, to: turn.bytes.count, by: step) {
      agrees(script.play { turn, _ in turn == number ? [place] : [] }, "turn \(number) at \(place)")
    }
  }
}
