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
