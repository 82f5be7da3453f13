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
struct ConfigurationLine {
  let bytes: ArraySlice<UInt8>
  let number: Int
  let file: String

  init(_ bytes: ArraySlice<UInt8>, number: Int, file: String) {
    self.bytes = bytes
    self.number = number
    self.file = file
  }

  /// The line of a file's text that a place is in; empty if there is none.
  init(at place: SourceLocation, of text: [UInt8]) {
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let bytes = lines.indices.contains(place.line - 1) ? lines[place.line - 1] : []
    self.init(
      bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, number: place.line, file: place.file)
  }

  /// The line as a terminal may show it.
  var printed: String { printable(bytes) }

  /// What precedes the comment.
  var content: ArraySlice<UInt8> { bytes.prefix { $0 != UInt8(ascii: "#") } }

  /// The place of a byte, by its index in the file.
  func location(_ index: Int) -> SourceLocation {
    let before = bytes[..<index]
    let column = before.allSatisfy { $0 < 0x80 } ? before.count : printable(before).count
    return SourceLocation(file: file, line: number, column: column + 1)
  }

  func diagnostic(_ error: LineError) -> Diagnostic {
    Diagnostic(
      location: location(error.offset), message: printable(error.message), text: printed,
      hint: error.hint.map(printable))
  }

  /// Refuses what is not text: invalid UTF-8, and characters that nobody sees.
  func checkCharacters() throws(LineError) {
    if bytes.allSatisfy({ (0x20..<0x7f).contains($0) || $0 == UInt8(ascii: "\t") }) { return }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw LineError(firstInvalid, "this is not UTF-8", hint: "is it a text file?")
    }
    let comment = content.endIndex
    var index = bytes.startIndex
    for scalar in text(bytes).unicodeScalars {
      if scalar != "\t", isControl(scalar) {
        throw LineError(index, "control character \(codePoint(scalar))", hint: "remove it")
      }
      if index < comment, scalar.value >= 0x80, isBlankOrFormat(scalar) {
        throw LineError(
          index, "invisible character \(codePoint(scalar))",
          hint: scalar.properties.isWhitespace ? "write an ordinary space instead" : "remove it")
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
private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  scalar.properties.generalCategory == .control || scalar == "\u{feff}"
}

// What looks like a space or like nothing: no-break spaces, zero-width characters, soft hyphens.
private func isBlankOrFormat(_ scalar: Unicode.Scalar) -> Bool {
  scalar.properties.isWhitespace || scalar.properties.isDefaultIgnorableCodePoint
    || scalar.properties.generalCategory == .format
}

private func codePoint(_ scalar: Unicode.Scalar) -> String {
  let code = String(scalar.value, radix: 16, uppercase: true)
  return "U+" + String(repeating: "0", count: max(0, 4 - code.count)) + code
}

// A terminal must not act on what a complaint quotes.
private func printable(_ bytes: ArraySlice<UInt8>) -> String {
  printable(text(bytes))
}

private func printable(_ text: String) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    result.append(scalar != "\t" && isControl(scalar) ? "\u{fffd}" : scalar)
  }
  return String(result)
}
