/// A complaint about a place in a configuration file.
public struct Diagnostic: Hashable, Sendable {
  /// The place.
  public let location: SourceLocation
  /// What is wrong.
  public let message: String
  /// The text of the line; what cannot be printed is replaced, character by character.
  public let text: String
  /// What was perhaps meant, or how to put it right.
  public let hint: String?

  /// The file's path.
  public var file: String { location.file }
  /// The line, from 1.
  public var line: Int { location.line }
  /// The column in characters, from 1.
  public var column: Int { location.column }
}

extension Diagnostic: CustomStringConvertible {
  /// `file:line:column: message`, the line, a caret under the place, and the hint.
  public var description: String {
    // Tabs stay tabs, so that the caret stands right whatever their width.
    let padding = String(text.prefix(column - 1).map { $0 == "\t" ? "\t" : " " })
    var lines = ["\(location): \(message)", "  \(text)", "  \(padding)^"]
    if let hint { lines.append("  hint: \(hint)") }
    return lines.joined(separator: "\n")
  }
}

/// Everything that is wrong with the configuration, in the order of the files.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The complaints; never empty.
  public let diagnostics: [Diagnostic]

  /// All complaints, and how many there are.
  public var description: String {
    let count = diagnostics.count == 1 ? "1 bad line" : "\(diagnostics.count) bad lines"
    return diagnostics.map(\.description).joined(separator: "\n") + "\nconfiguration: \(count)"
  }
}
