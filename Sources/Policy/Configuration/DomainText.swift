/// The name in a value: labels of letters, digits, hyphens and underscores, or what is wrong with it.
enum DomainText {
  static func name(_ text: ArraySlice<UInt8>, _ form: DomainForm) throws(LineError) -> DomainName {
    let place = text.last == UInt8(ascii: ".") ? text.dropLast() : text
    guard !place.isEmpty else {
      throw LineError(text.startIndex, "there is no name", hint: "\(form.key) = \(form.example)")
    }
    if let star = place.firstIndex(of: UInt8(ascii: "*")) { throw misplacedStar(place, star, form) }
    try refuseUnicode(place)
    let labels = place.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    for label in labels { try check(label, of: place, form) }
    guard place.count <= 253, let name = DomainName(labels: labels) else {
      throw LineError(
        place.startIndex, "the name has \(place.count) characters", hint: "DNS takes at most 253")
    }
    if labels.last.map(isNumber) ?? false { throw number(place, form) }
    if labels.last.map(isLocalhost) ?? false {
      throw LineError(
        place.startIndex, "\(name) is the jail's own loopback",
        hint: "nothing has to be opened; this host's services cannot be reached by this name")
    }
    return name
  }

  private static func misplacedStar(_ place: ArraySlice<UInt8>, _ star: Int, _ form: DomainForm) -> LineError
  {
    if place.elementsEqual("*".utf8) {
      let hint =
        form == .block
        ? "network = none closes everything" : "network = internet opens everything that is public"
      return LineError(star, "\"*\" would be every name", hint: hint)
    }
    let rest = place[star...].drop { $0 != UInt8(ascii: ".") }
    return LineError(
      star, "\"*\" stands for whole labels, in front of a name",
      hint: rest.count > 1 && form != .allowInternal
        ? "write *\(text(rest)), or \(text(rest.dropFirst())) for the name and all below it"
        : "write the whole name")
  }

  private static func refuseUnicode(_ place: ArraySlice<UInt8>) throws(LineError) {
    guard let first = place.firstIndex(where: { $0 >= 0x80 }) else { return }
    throw LineError(
      first, "\(text(place)) is not in the form that DNS has",
      hint: Punycode.name(text(place)).map { "write \($0)" }
        ?? "write its labels as xn--..., as DNS tools show them")
  }

  private static func check(
    _ label: ArraySlice<UInt8>, of place: ArraySlice<UInt8>, _ form: DomainForm
  ) throws(LineError) {
    if label.isEmpty {
      let isFirst = label.startIndex == place.startIndex
      let name = place.drop { $0 == UInt8(ascii: ".") }
      throw LineError(
        label.startIndex, "a label is empty",
        hint: isFirst && !name.isEmpty && form != .allowInternal
          ? "write \(text(name)) for the name and all below it, *.\(text(name)) for all below it" : nil)
    }
    if let other = label.firstIndex(where: { !$0.isNameCharacter }) {
      throw LineError(
        other, "\"\(text(label[other...other]))\" cannot be in a name",
        hint: "labels are letters, digits, hyphens and underscores, with dots between them")
    }
    if label.count > 63 {
      throw LineError(label.startIndex, "a label has \(label.count) characters", hint: "DNS takes at most 63")
    }
  }

  private static func isLocalhost(_ label: ArraySlice<UInt8>) -> Bool {
    label.count == 9 && text(label).lowercased() == "localhost"
  }

  // What a program may read as an IPv4 address ends in a number: 10.1, 0x0a000001, 012.0.0.1 (inet_aton(3)).
  private static func isNumber(_ label: ArraySlice<UInt8>) -> Bool {
    if label.allSatisfy(\.isDigit) { return true }
    return label.starts(with: "0x".utf8) || label.starts(with: "0X".utf8)
  }

  private static func number(_ place: ArraySlice<UInt8>, _ form: DomainForm) -> LineError {
    LineError(
      place.startIndex, "\(text(place)) ends in a number, so programs take it for an address",
      hint: "for an address write \(RuleForm(form.action, isPrefix: false).key) = 172.23.1.3")
  }
}

extension UInt8 {
  /// Whether labels can have it.
  var isNameCharacter: Bool {
    isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || self == UInt8(ascii: "-")
      || self == UInt8(ascii: "_")
  }
}
