/// What is wrong with a line, and at which of its bytes.
struct LineError: Error {
  let offset: Int
  let message: String
  let hint: String?

  init(_ offset: Int, _ message: String, hint: String? = nil) {
    self.offset = offset
    self.message = message
    self.hint = hint
  }
}

/// A line of a configuration file, without its end.
struct Line {
  let bytes: ArraySlice<UInt8>
  let number: Int
  let file: String

  init(_ bytes: ArraySlice<UInt8>, number: Int, file: String) {
    self.bytes = bytes
    self.number = number
    self.file = file
  }

  /// The place of a byte, by its index in the file.
  func location(_ index: Int) -> SourceLocation {
    let before = bytes[..<index]
    let column = before.allSatisfy { $0 < 0x80 } ? before.count : printable(before).count
    return SourceLocation(file: file, line: number, column: column + 1)
  }

  func diagnostic(_ error: LineError) -> Diagnostic {
    Diagnostic(
      location: location(error.offset), message: printable(error.message), text: printable(bytes),
      hint: error.hint.map(printable))
  }

  /// Refuses what is not text: invalid UTF-8, and characters that nobody sees.
  func checkCharacters() throws(LineError) {
    if bytes.allSatisfy({ (0x20..<0x7f).contains($0) || $0 == UInt8(ascii: "\t") }) { return }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw LineError(firstInvalid, "this is not UTF-8", hint: "is it a text file?")
    }
    var index = bytes.startIndex
    for scalar in text(bytes).unicodeScalars {
      if scalar != "\t", isInvisible(scalar) {
        let code = String(scalar.value, radix: 16, uppercase: true)
        throw LineError(
          index, "control character U+\(String(repeating: "0", count: max(0, 4 - code.count)))\(code)",
          hint: "remove it")
      }
      index += UTF8.width(scalar)
    }
  }

  // The end of the longest valid beginning.
  private var firstInvalid: Int {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var index = bytes.startIndex
    while case .scalarValue(let scalar) = decoder.decode(&iterator) {
      index += UTF8.width(scalar)
    }
    return index
  }
}

// Controls, and the byte order mark, which editors hide.
private func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
  scalar.properties.generalCategory == .control || scalar == "\u{feff}"
}

// A terminal must not act on what a complaint quotes.
private func printable(_ bytes: ArraySlice<UInt8>) -> String {
  printable(text(bytes))
}

private func printable(_ text: String) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    result.append(scalar != "\t" && isInvisible(scalar) ? "\u{fffd}" : scalar)
  }
  return String(result)
}
