/// Why a text is not an address.
public enum AddressError: Error, Hashable, Sendable {
  /// An IPv4 part starts with a zero, which some programs read as octal.
  case leadingZero
  /// An IPv4 part is greater than 255.
  case partTooLarge
  /// An IPv6 zone (`%eth0`) is given; it has no meaning outside this host.
  case zone
  /// The text is no address at all.
  case malformed
}

extension AddressError {
  /// What is wrong, to follow the text and a colon.
  var problem: String {
    switch self {
    case .leadingZero: "looks octal"
    case .partTooLarge: "no part of an IPv4 address exceeds 255"
    case .zone: "a zone has no meaning in the jail"
    case .malformed: "is not an IP address"
    }
  }

  /// How to fix it.
  var remedy: String? {
    switch self {
    case .leadingZero: "write each part without leading zeros"
    case .zone: "leave out %…"
    case .partTooLarge, .malformed: nil
    }
  }
}
