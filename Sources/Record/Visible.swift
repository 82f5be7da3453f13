extension String {
  /// This text as a terminal may show it: what is not a printable character is written as an escape sequence, `\n`, `\u{1b}`,
  /// `\u{202e}`, and a backslash as two. Names come from the jail, and would otherwise move the cursor, end a line, or turn the
  /// direction of what follows. At most `limit` characters, cut at the end.
  public func visible(limit: Int = 200) -> String {
    var result = ""
    var count = 0
    for scalar in unicodeScalars {
      count += 1
      if count > limit { return result + "..." }
      result += scalar.visible
    }
    return result
  }
}

extension Unicode.Scalar {
  fileprivate var visible: String {
    switch self {
    case "\\": return "\\\\"
    case "\n": return "\\n"
    case "\t": return "\\t"
    default: return isPrintable ? String(Character(self)) : "\\u{\(String(value, radix: 16))}"
    }
  }

  /// Neither a control character, nor one that changes how others are shown, nor one that is not shown itself.
  private var isPrintable: Bool {
    if isASCII { return (0x20..<0x7f).contains(value) }
    if properties.isWhitespace || properties.isDefaultIgnorableCodePoint { return false }
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
      .nonspacingMark, .enclosingMark:
      return false
    default: return true
    }
  }
}
