/// The value of `preset`: one name, or several with commas between them.
enum PresetNames {
  static func read(_ value: ArraySlice<UInt8>) throws(LineError) -> [String] {
    var names: [String] = []
    for item in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let name = trimmed(item)
      guard !name.isEmpty else {
        throw LineError(item.startIndex, "a preset's name is missing", hint: "as in preset = claude, github")
      }
      if let blank = name.firstIndex(where: \.isBlank) {
        throw LineError(
          blank, "a preset's name has no spaces", hint: "write commas between them: claude, github")
      }
      if let other = name.firstIndex(where: { !$0.isPresetCharacter }) {
        throw LineError(
          other, "\"\(text(name))\" is not the name of a preset",
          hint: name.contains(UInt8(ascii: "."))
            ? "for the name of a host write allow-domain = \(text(name))"
            : "it has small letters, digits and hyphens: claude-sandbox presets lists them")
      }
      names.append(text(name))
    }
    return names
  }
}

extension UInt8 {
  fileprivate var isPresetCharacter: Bool {
    isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) || self == UInt8(ascii: "-")
  }
}
