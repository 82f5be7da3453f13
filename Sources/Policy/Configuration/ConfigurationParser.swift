/// Reads configuration files: `key = value` or a bare key on each line, `#` starts a comment anywhere.
///
/// Lines end in LF or CRLF. A key that may be repeated accumulates over all files.
public struct ConfigurationParser {
  private var configuration = Configuration()
  private var diagnostics: [Diagnostic] = []
  // Where each single-valued key was set first.
  private var places: [String: SourceLocation] = [:]

  // The only keys that are taken; nil for all, and what is read otherwise.
  private let only: (keys: Set<String>, reading: String)?

  private init(only: (keys: Set<String>, reading: String)? = nil) { self.only = only }

  /// The configuration that the files make together, in their order.
  ///
  /// Throws every complaint about every file at once.
  public static func parse(
    _ files: [(name: String, text: [UInt8])]
  ) throws(ConfigurationError) -> Configuration {
    var parser = ConfigurationParser()
    for file in files {
      parser.read(file.text, name: file.name)
    }
    guard parser.diagnostics.isEmpty else { throw ConfigurationError(diagnostics: parser.diagnostics) }
    return parser.configuration
  }

  /// The rules of a preset, which is used under this name: a file that opens names, and does nothing else.
  ///
  /// Throws every complaint about it at once.
  public static func parse(
    preset: Sourced<String>, file: String, _ text: [UInt8]
  ) throws(ConfigurationError) -> [DomainRule] {
    try parse((file, text), only: [DomainForm.allow.key], reading: "a preset").domains.map {
      $0.used(by: preset)
    }
  }

  /// What one file says, which has only some of the keys.
  static func parse(
    _ file: (name: String, text: [UInt8]), only keys: Set<String>, reading: String
  ) throws(ConfigurationError) -> Configuration {
    var parser = ConfigurationParser(only: (keys: keys, reading: reading))
    parser.read(file.text, name: file.name)
    guard parser.diagnostics.isEmpty else { throw ConfigurationError(diagnostics: parser.diagnostics) }
    return parser.configuration
  }

  private mutating func read(_ text: [UInt8], name: String) {
    var number = 0
    for bytes in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let line = ConfigurationLine(
        bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, number: number, file: name)
      do {
        try read(line)
      } catch {
        diagnostics.append(line.diagnostic(error))
      }
    }
  }

  // One complaint a line: what follows an error is a guess.
  private mutating func read(_ line: ConfigurationLine) throws(LineError) {
    try line.checkCharacters()
    let content = trimmed(line.content)
    guard !content.isEmpty else { return }
    let equals = content.firstIndex(of: UInt8(ascii: "="))
    let name = trimmed(content[..<(equals ?? content.endIndex)])
    let value = equals.map { trimmed(content[($0 + 1)...]) }
    guard !name.isEmpty else { throw LineError(content.startIndex, "there is no key before \"=\"") }
    guard let key = ConfigurationKey.named(text(name)) else {
      throw (value == nil ? missingEquals(name) : nil) ?? unknownKey(name)
    }
    try read(key, value, at: name.startIndex, line)
  }

  private mutating func read(
    _ key: ConfigurationKey, _ value: ArraySlice<UInt8>?, at start: Int, _ line: ConfigurationLine
  ) throws(LineError) {
    let location = line.location(start)
    if let only, !only.keys.contains(key.name) {
      throw LineError(
        start, "\(key.name) cannot be in \(only.reading)",
        hint: "it has lines of \(only.keys.sorted().joined(separator: ", "))")
    }
    switch key.reading {
    case .foreign:
      configuration.ignored.append(.init(key: key.name, value: value.map(text), location: location))
    case .repeatable(let store):
      try store(&configuration, try required(value, of: key, at: start), location)
    case .single(let store):
      if let first = places[key.name] {
        throw LineError(
          start, "\(key.name) is already set in \(first)",
          hint: "it has one value; remove one of the two lines")
      }
      places[key.name] = location
      try store(&configuration, try required(value, of: key, at: start), location)
    }
  }

  private func required(
    _ value: ArraySlice<UInt8>?, of key: ConfigurationKey, at start: Int
  ) throws(LineError) -> ArraySlice<UInt8> {
    guard let value, !value.isEmpty else {
      throw LineError(start, "\(key.name) needs a value", hint: "\(key.name) = \(key.example)")
    }
    return value
  }

  // "allow-ip 10.0.0.1", "allow-ip: 10.0.0.1": a key and its value without "=".
  private func missingEquals(_ content: ArraySlice<UInt8>) -> LineError? {
    let word = content.prefix { !$0.isBlank && $0 != UInt8(ascii: ":") }
    guard let key = ConfigurationKey.named(text(word)) else { return nil }
    var value = trimmed(content[word.endIndex...])
    let hasColon = value.first == UInt8(ascii: ":")
    if hasColon { value = trimmed(value.dropFirst()) }
    let hint = "write \(key.name) = \(value.isEmpty ? key.example : text(value))"
    let problem =
      hasColon ? "\":\" after \(key.name) should be \"=\"" : "\"=\" is missing after \(key.name)"
    return LineError(word.endIndex, problem, hint: hint)
  }

  private func unknownKey(_ name: ArraySlice<UInt8>) -> LineError {
    let word = text(name)
    let hint =
      ConfigurationKey.misnomers[word]
      ?? Spelling.suggestion(for: word, among: ConfigurationKey.all.lazy.map(\.name))
      .map { "did you mean \($0)?" }
    return LineError(name.startIndex, "unknown key \"\(word)\"", hint: hint)
  }
}

func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
  guard let first = text.firstIndex(where: { !$0.isBlank }),
    let last = text.lastIndex(where: { !$0.isBlank })
  else { return text[text.endIndex...] }
  return text[first...last]
}

func text(_ bytes: ArraySlice<UInt8>) -> String {
  String(decoding: bytes, as: UTF8.self)
}

extension UInt8 {
  var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
}
