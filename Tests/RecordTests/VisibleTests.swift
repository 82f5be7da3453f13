import Record
import Testing

/// What comes from a jail is shown, and nothing of it is done.
@Suite struct VisibleTests {
  @Test(arguments: [
    ("psql", "psql"), ("größe", "größe"), ("日本", "日本"), ("a b", "a b"), ("", ""),
    ("a\nb", "a\\nb"), ("a\tb", "a\\tb"), ("a\rb", "a\\u{d}b"), ("a\u{0}b", "a\\u{0}b"),
    ("\u{1b}[2J", "\\u{1b}[2J"), ("\u{7f}", "\\u{7f}"), ("\u{9b}31m", "\\u{9b}31m"), ("\u{85}", "\\u{85}"),
    ("\u{202e}txt", "\\u{202e}txt"), ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"), ("\u{200f}", "\\u{200f}"),
    ("a\u{200b}b", "a\\u{200b}b"), ("\u{feff}", "\\u{feff}"), ("\u{2028}", "\\u{2028}"),
    ("\u{a0}", "\\u{a0}"),
    ("\u{e0041}", "\\u{e0041}"), ("\u{e000}", "\\u{e000}"), ("e\u{301}", "e\\u{301}"),
    ("\u{115f}", "\\u{115f}"),
    ("\u{2800}", "\u{2800}"), ("a\\nb", "a\\\\nb"), ("\u{fffd}", "\u{fffd}"),
  ])
  func escapes(_ text: String, _ shown: String) { #expect(text.visible() == shown) }

  @Test func invalidUTF8() {
    #expect(
      String(decoding: [0x70, 0xff, 0xc0, 0x0a] as [UInt8], as: UTF8.self).visible() == "p\u{fffd}\u{fffd}\\n"
    )
  }

  @Test func isCut() { #expect(String(repeating: "x", count: 300).visible(limit: 3) == "xxx...") }

  /// For every scalar: one line, and no character that a terminal acts on.
  @Test func allScalars() {
    for value in UInt32(0)...0x10ffff {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let shown = String(Character(scalar)).visible().unicodeScalars
      let isSafe = shown.allSatisfy { character in
        switch character.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
        default: true
        }
      }
      if !isSafe { Issue.record("U+\(String(value, radix: 16))") }
    }
  }
}
