/// Reads configuration files: `key = value` or a bare key on each line, `#` starts a comment anywhere.
///
/// Lines end in LF or CRLF. A key that may be repeated accumulates over all files.
public struct ConfigurationParser {
  private var configuration = Configuration()
  private var diagnostics: [Diagnostic] = []
  // Where each single-valued key was set first.
  private var places: [(key: Key, location: SourceLocation)] = []

  private init() {}

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

  private mutating func read(_ text: [UInt8], name: String) {
    var number = 0
    for bytes in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
      number += 1
      let line = Line(bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, number: number, file: name)
      do {
        try read(line)
      } catch {
        diagnostics.append(line.diagnostic(error))
      }
    }
  }

  // One complaint a line: what follows an error is a guess.
  private mutating func read(_ line: Line) throws(LineError) {
    try line.checkCharacters()
    let content = trimmed(line.bytes.prefix { $0 != UInt8(ascii: "#") })
    guard !content.isEmpty else { return }
    let equals = content.firstIndex(of: UInt8(ascii: "="))
    let name = trimmed(content[..<(equals ?? content.endIndex)])
    let value = equals.map { trimmed(content[($0 + 1)...]) }
    guard !name.isEmpty else { throw LineError(content.startIndex, "there is no key before \"=\"") }
    guard let key = Key.named(text(name)) else {
      throw value == nil ? missingEquals(name) ?? unknownKey(name) : unknownKey(name)
    }
    try read(key, value, at: name.startIndex, line)
  }

  private mutating func read(
    _ key: Key, _ value: ArraySlice<UInt8>?, at start: Int, _ line: Line
  ) throws(LineError) {
    let location = line.location(start)
    switch key.form {
    case .notYetAvailable:
      throw LineError(start, "\(key.rawValue) is not available yet")
    case .foreign:
      configuration.ignored.append(.init(key: key.rawValue, value: value.map(text), location: location))
    case .socket:
      let path = try path(try required(value, of: key, at: start), of: "a socket")
      configuration.exposedSockets.append(Sourced(path, at: location))
    case .rule(let action, let isPrefix):
      let value = try required(value, of: key, at: start)
      let rule = try RuleValue(value, key: key, action: action, isPrefix: isPrefix)
      configuration.rules.append(
        Rule(
          prefix: rule.prefix, services: rule.services, action: action,
          origin: .configuration(location, key: key.rawValue)))
    case .setting(let setting):
      if let first = places.first(where: { $0.key == key })?.location {
        throw LineError(
          start, "\(key.rawValue) is already set in \(first)",
          hint: "it has one value; remove one of the two lines")
      }
      places.append((key, location))
      try set(setting, key, to: try required(value, of: key, at: start), at: location)
    }
  }

  private mutating func set(
    _ setting: Key.Setting, _ key: Key, to value: ArraySlice<UInt8>, at location: SourceLocation
  ) throws(LineError) {
    switch setting {
    case .egressJail: configuration.egressJail = Sourced(try boolean(value, key), at: location)
    case .allowOverride: configuration.allowOverride = Sourced(try boolean(value, key), at: location)
    case .ipv6: configuration.ipv6 = Sourced(try choice(value, key), at: location)
    case .claudeBinary: configuration.claudeBinary = Sourced(try path(value, of: "a program"), at: location)
    case .network:
      if text(value) == "restricted" {
        throw LineError(value.startIndex, "network = restricted is not available yet")
      }
      configuration.network = Sourced(try choice(value, key), at: location)
    }
  }

  private func required(
    _ value: ArraySlice<UInt8>?, of key: Key, at start: Int
  ) throws(LineError) -> ArraySlice<UInt8> {
    guard let value, !value.isEmpty else {
      throw LineError(start, "\(key.rawValue) needs a value", hint: "\(key.rawValue) = \(key.example)")
    }
    return value
  }

  private func path(_ value: ArraySlice<UInt8>, of what: String) throws(LineError) -> String {
    let path = text(value)
    guard path.hasPrefix("/"), !path.split(separator: "/").contains(".."), !path.hasSuffix("/") else {
      throw LineError(value.startIndex, "\(path) is not the absolute path of \(what)")
    }
    return path
  }

  private func boolean(_ value: ArraySlice<UInt8>, _ key: Key) throws(LineError) -> Bool {
    let word = text(value)
    if let value = parseBoolean(word) { return value }
    let lower = word.lowercased()
    let meant =
      parseBoolean(lower) == nil
      ? Spelling.suggestion(for: word, among: ["yes", "no", "on", "off", "true", "false"]) : lower
    throw LineError(
      value.startIndex, "\"\(word)\" is neither yes nor no",
      hint: meant.map { "did you mean \($0)?" } ?? "write 0, no, off, false, or 1, yes, on, true")
  }

  private func choice<Value: RawRepresentable & CaseIterable>(
    _ value: ArraySlice<UInt8>, _ key: Key
  ) throws(LineError) -> Value where Value.RawValue == String {
    let word = text(value)
    if let value = Value(rawValue: word) { return value }
    let names = Value.allCases.map(\.rawValue)
    throw LineError(
      value.startIndex, "\(key.rawValue) cannot be \"\(word)\"",
      hint: Spelling.suggestion(for: word, among: names).map { "did you mean \($0)?" }
        ?? "write \(names.joined(separator: " or "))")
  }

  // "allow-ip 10.0.0.1": a key and its value with nothing between.
  private func missingEquals(_ content: ArraySlice<UInt8>) -> LineError? {
    let word = content.prefix { !$0.isBlank }
    guard let key = Key.named(text(word)) else { return nil }
    return LineError(
      word.endIndex, "\"=\" is missing after \(key.rawValue)",
      hint: "write \(key.rawValue) = \(text(trimmed(content[word.endIndex...])))")
  }

  private func unknownKey(_ name: ArraySlice<UInt8>) -> LineError {
    LineError(
      name.startIndex, "unknown key \"\(text(name))\"",
      hint: Spelling.suggestion(for: text(name), among: Key.allCases.map(\.rawValue))
        .map { "did you mean \($0)?" })
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

extension Key {
  fileprivate var example: String {
    switch self {
    case .allowIP, .blockIP: "172.23.1.3:443"
    case .allowNet, .blockNet: "10.0.0.0/24:443"
    case .network: "internet"
    case .ipv6: "auto"
    case .exposeSocket: "/run/example.sock"
    case .claudeBinary: "/opt/claude/bin/claude"
    default: "0"
    }
  }
}
