/// Why a text is not a prefix.
public enum PrefixError: Error, Hashable, Sendable {
  /// What precedes the slash is not an address.
  case address(AddressError)
  /// There is no slash.
  case missingLength
  /// What follows the slash is not a plain number from 0 to the family's bits.
  case invalidLength(maximum: Int)
  /// Bits after the prefix length are set; the prefix that was perhaps meant is attached.
  case hostBits(Prefix)
}

extension Prefix {
  /// A prefix from its text `address/length`; nil when it is anything else or has host bits set.
  public init?(_ text: some StringProtocol) {
    guard let prefix = try? Self.parse(text) else { return nil }
    self = prefix
  }

  /// A prefix from its text `address/length`, or the reason why it is none.
  public static func parse(_ text: some StringProtocol) throws(PrefixError) -> Prefix {
    try parse(Array(text.utf8)[...])
  }

  static func parse(_ text: ArraySlice<UInt8>) throws(PrefixError) -> Prefix {
    let slash = text.firstIndex(of: UInt8(ascii: "/"))
    let address: IPAddress
    do {
      address = try IPAddress.parse(text[..<(slash ?? text.endIndex)])
    } catch {
      throw .address(error)
    }
    guard let slash else { throw .missingLength }
    guard let length = decimal(text[(slash + 1)...], maximum: address.family.bits) else {
      throw .invalidLength(maximum: address.family.bits)
    }
    let prefix = Prefix(containing: address, length: length)
    guard prefix.address == address else { throw .hostBits(prefix) }
    return prefix
  }
}

/// A decimal number without sign and leading zeros; nil for anything else and above the maximum.
func decimal(_ text: ArraySlice<UInt8>, maximum: Int) -> Int? {
  guard let first = text.first, text.count == 1 || first != UInt8(ascii: "0") else { return nil }
  var number = 0
  for character in text {
    guard character.isDigit else { return nil }
    number = number * 10 + Int(character - UInt8(ascii: "0"))
    guard number <= maximum else { return nil }
  }
  return number
}
