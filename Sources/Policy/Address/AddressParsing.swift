extension IPAddress {
  /// An address from its text: dotted decimal without leading zeros, or RFC 4291 section 2.2 without a zone.
  ///
  /// Nil when the text is anything else; ``parse(_:)`` says why.
  public init?(_ text: some StringProtocol) {
    guard let address = try? Self.parse(text) else { return nil }
    self = address
  }

  /// An address from its text, or the reason why it is none.
  public static func parse(_ text: some StringProtocol) throws(AddressError) -> IPAddress {
    try parse(Array(text.utf8)[...])
  }

  static func parse(_ text: ArraySlice<UInt8>) throws(AddressError) -> IPAddress {
    if text.contains(UInt8(ascii: ":")) {
      return IPAddress(family: .ipv6, value: try ipv6(text))
    }
    return IPAddress(family: .ipv4, value: UInt128(try ipv4(text)))
  }

  /// The address and the port that the text of an IPv6 address was perhaps meant to be: `fd00::3:443` is an
  /// address, and what precedes its last group is one too.
  static func mistakablePort(_ text: ArraySlice<UInt8>) -> (address: String, port: Int)? {
    guard let colon = text.lastIndex(of: UInt8(ascii: ":")), (try? ipv6(text)) != nil,
      (try? ipv6(text[..<colon])) != nil, let port = decimal(text[(colon + 1)...], maximum: 9999),
      port >= 100 || [22, 25, 53, 80].contains(port)
    else { return nil }
    return (String(decoding: text[..<colon], as: UTF8.self), port)
  }

  private static func ipv4(_ text: ArraySlice<UInt8>) throws(AddressError) -> UInt32 {
    guard text.allSatisfy({ $0 == UInt8(ascii: ".") || $0.isDigit }) else { throw .malformed }
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4, !parts.contains(where: \.isEmpty) else { throw .malformed }
    var address: UInt32 = 0
    for part in parts {
      if part.first == UInt8(ascii: "0"), part.count > 1 { throw .leadingZero }
      guard let number = decimal(part, maximum: 255) else { throw .partTooLarge }
      address = address << 8 | UInt32(number)
    }
    return address
  }

  private static func ipv6(_ text: ArraySlice<UInt8>) throws(AddressError) -> UInt128 {
    if text.contains(UInt8(ascii: "%")) { throw .zone }
    var head = Groups()
    var rest = text
    while !rest.isEmpty {
      if rest.starts(with: [UInt8(ascii: ":"), UInt8(ascii: ":")]) {
        let tail = try groups(rest.dropFirst(2))
        // RFC 4291: "::" stands for one or more groups.
        guard head.count + tail.count < 8 else { throw .malformed }
        return head.value << UInt128(16 * (8 - head.count)) | tail.value
      }
      if head.count > 0 {
        guard rest.first == UInt8(ascii: ":") else { throw .malformed }
        rest = rest.dropFirst()
      }
      rest = try take(from: rest, into: &head)
    }
    guard head.count == 8 else { throw .malformed }
    return head.value
  }

  private struct Groups {
    var value: UInt128 = 0
    var count = 0
  }

  // What follows "::": groups to the end, and no second "::".
  private static func groups(_ text: ArraySlice<UInt8>) throws(AddressError) -> Groups {
    var groups = Groups()
    var rest = text
    while !rest.isEmpty {
      if groups.count > 0 {
        guard rest.first == UInt8(ascii: ":") else { throw .malformed }
        rest = rest.dropFirst()
      }
      rest = try take(from: rest, into: &groups)
    }
    return groups
  }

  // One group of 1 to 4 hexadecimal digits, or an IPv4 tail in the place of the last two; the caller counts
  // them.
  private static func take(
    from text: ArraySlice<UInt8>, into groups: inout Groups
  ) throws(AddressError) -> ArraySlice<UInt8> {
    let end = text.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
    let group = text[..<end]
    if group.contains(UInt8(ascii: ".")) {
      guard end == text.endIndex else { throw .malformed }
      groups.value = groups.value << 32 | UInt128(try ipv4(group))
      groups.count += 2
    } else {
      guard (1...4).contains(group.count) else { throw .malformed }
      var number: UInt128 = 0
      for character in group {
        guard let digit = character.hexadecimalDigit else { throw .malformed }
        number = number << 4 | UInt128(digit)
      }
      groups.value = groups.value << 16 | number
      groups.count += 1
    }
    return text[end...]
  }
}

extension UInt8 {
  var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }

  var hexadecimalDigit: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
