extension UInt8 {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")

  var lowerCased: UInt8 { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self }

  var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lowerCased) }

  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  /// A byte that a control character is, in a field's value: all but the tab (RFC 9110 section 5.5).
  var isControl: Bool { self < 0x20 && self != .tab || self == 0x7f }

  /// RFC 9110 section 5.6.2.
  var isToken: Bool { self < 128 && (self < 64 ? Self.tokens.low : Self.tokens.high) >> (self & 63) & 1 == 1 }

  /// A bit of each byte that a token may have.
  private static let tokens: (low: UInt64, high: UInt64) = {
    var bits: (low: UInt64, high: UInt64) = (0, 0)
    for byte in "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8 {
      if byte < 64 { bits.low |= 1 << byte } else { bits.high |= 1 << (byte & 63) }
    }
    return bits
  }()

  /// What separates words for a lenient reader of a request line (RFC 9112 section 3), or for one that takes it for Latin-1 text (Python's
  /// http.server): the separators from 1c to 1f, NEL and the no-break space.
  var isBlank: Bool {
    self == .space || (.tab ... .carriageReturn).contains(self) || (0x1c...0x1f).contains(self)
      || self == 0x85
      || self == 0xa0
  }
}

extension ArraySlice<UInt8> {
  /// Whether these letters, in lower case, are the other ones.
  func isInLowerCase(_ other: some Collection<UInt8>) -> Bool {
    count == other.count && zip(self, other).allSatisfy { $0.lowerCased == $1 }
  }

  /// Whether the other letters are somewhere in these, in lower case.
  func containsInLowerCase(_ other: String) -> Bool {
    guard count >= other.utf8.count else { return false }
    return indices.dropLast(other.utf8.count - 1).contains {
      self[$0..<$0 + other.utf8.count].isInLowerCase(other.utf8)
    }
  }

  /// Without spaces and tabs at both ends.
  var trimmed: ArraySlice<UInt8> {
    var rest = self
    while rest.first == .space || rest.first == .tab { rest.removeFirst() }
    while rest.last == .space || rest.last == .tab { rest.removeLast() }
    return rest
  }
}
