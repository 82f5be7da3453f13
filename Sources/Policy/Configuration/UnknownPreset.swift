extension Diagnostic {
  /// The complaint about a preset that does not exist, at the line that names it. `files` are the configuration's.
  public init(
    unknownPreset preset: Sourced<String>, among names: [String], in files: [(name: String, text: [UInt8])]
  ) {
    let place = preset.location ?? SourceLocation(file: "", line: 1, column: 1)
    let text = files.first { $0.name == place.file }?.text ?? []
    let line = ConfigurationLine(at: place, of: text)
    let known = names.isEmpty ? "no presets are installed" : "there are \(names.joined(separator: ", "))"
    let meant = Spelling.suggestion(for: preset.value, among: names).map { "did you mean \($0)? " } ?? ""
    self = line.diagnostic(
      LineError(
        line.index(of: preset.value), "there is no preset \"\(preset.value)\"", hint: meant + known))
  }
}

extension ConfigurationLine {
  /// Where a word stands behind the key, which has it somewhere.
  fileprivate func index(of word: String) -> Int {
    let word = Array(word.utf8)
    let start = content.firstIndex(of: UInt8(ascii: "=")) ?? content.startIndex
    for item in content[start...].dropFirst().split(separator: UInt8(ascii: ","))
    where trimmed(item).elementsEqual(word) {
      return trimmed(item).startIndex
    }
    return content.startIndex
  }
}
