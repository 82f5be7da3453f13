import FoundationEssentials
import Linux

/// Standard output. What cannot be written there ends the process: half an answer must not look like a whole one.
enum Output {
  /// EX_IOERR, sysexits(3).
  static let failed: CInt = 74

  /// A text, and the end of its line.
  static func print(_ text: String) {
    let output = FileDescriptor(owning: 1)
    do throws(SystemCallError) {
      try output.write("\(text)\n".utf8)
    } catch {
      Invocation.exit(failed, saying: "claude-sandbox: standard output: \(errnoText(error.errno))")
    }
    _ = output.release()
  }

  /// So that nothing that is opened in place of a closed one is taken for it: whoever writes there gets EBADF.
  static func claim() {
    while let null = try? FileDescriptor.open("/dev/null", FileDescriptor.readOnly) {
      if null.rawValue > 2 { return }
      _ = null.release()
    }
  }
}

/// Machine-readable output: one JSON object, keys sorted. It may hold what others wrote, and be shown by a terminal.
enum JSON {
  /// Of all objects at top level.
  static let version = 1

  static func print(_ value: some Encodable) throws { Output.print(try text(value)) }

  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return withoutControls(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// The same value: what controls a terminal is in strings, and escaped there. The encoder leaves all but ASCII as it is.
  private static func withoutControls(_ text: String) -> String {
    let controls: Set<Unicode.GeneralCategory> = [.control, .format, .lineSeparator, .paragraphSeparator]
    return text.unicodeScalars.map { scalar in
      guard scalar != "\n", controls.contains(scalar.properties.generalCategory) else {
        return String(scalar)
      }
      return String(scalar).utf16.map { unit in
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }.joined()
    }.joined()
  }
}
