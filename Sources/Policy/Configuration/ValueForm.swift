/// How the value of a key is written in the file.
struct ValueForm<Value: Sendable>: Sendable {
  /// In mdoc(7).
  let synopsis: String
  /// The words that it can be; empty if it is free text.
  var words: [String] = []
  /// The value, from its text behind the key.
  let read: @Sendable (ArraySlice<UInt8>, _ key: String) throws(LineError) -> Value
  /// Its text; nil for no value.
  let text: @Sendable (Value) -> String?
}

extension ValueForm where Value == Bool {
  /// Any word for a truth value; printed with these two.
  static func boolean(true yes: String, false no: String) -> ValueForm {
    ValueForm(synopsis: "Ar boolean", words: booleanWords, read: readBoolean, text: { $0 ? yes : no })
  }
}

extension ValueForm where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the words of an enumeration.
  static func choice() -> ValueForm {
    let names = Value.allCases.map(\.rawValue)
    return ValueForm(
      synopsis: "Cm \(names.joined(separator: " | "))", words: names,
      read: { (value, key) throws(LineError) in
        let word = Policy.text(value)
        if let value = Value(rawValue: word) { return value }
        let choices = "write \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")"
        throw LineError(
          value.startIndex, "\(key) cannot be \"\(word)\"",
          hint: Spelling.suggestion(for: word, among: names).map { "did you mean \($0)?" } ?? choices)
      },
      text: \.rawValue)
  }
}

extension ValueForm where Value == String {
  /// The absolute path of something.
  static func path(_ what: String) -> ValueForm {
    ValueForm(
      synopsis: "Ar path",
      read: { (value, _) throws(LineError) in try readPath(value, of: what) }, text: { $0 })
  }
}

extension ValueForm where Value == String? {
  /// The absolute path of something, or nothing by default.
  static func optionalPath(_ what: String) -> ValueForm {
    ValueForm(
      synopsis: "Ar path",
      read: { (value, _) throws(LineError) in try readPath(value, of: what) }, text: { $0 })
  }
}

private let booleanWords = ["1", "yes", "on", "true", "0", "no", "off", "false"]

@Sendable private func readBoolean(_ value: ArraySlice<UInt8>, _ key: String) throws(LineError) -> Bool {
  let word = text(value)
  if let value = parseBoolean(word) { return value }
  if parseBoolean(word.lowercased()) != nil {
    throw LineError(
      value.startIndex, "\"\(word)\" is not in lower case", hint: "write \(word.lowercased())")
  }
  throw LineError(
    value.startIndex, "\"\(word)\" is neither yes nor no",
    hint: Spelling.suggestion(for: word, among: booleanWords.filter { $0.utf8.count > 1 })
      .map { "did you mean \($0)?" } ?? "write 0, no, off, false, or 1, yes, on, true")
}

private func readPath(_ value: ArraySlice<UInt8>, of what: String) throws(LineError) -> String {
  let path = text(value)
  guard path.hasPrefix("/"), !path.split(separator: "/").contains(".."), !path.hasSuffix("/") else {
    throw LineError(value.startIndex, "\(path) is not the absolute path of \(what)")
  }
  return path
}
