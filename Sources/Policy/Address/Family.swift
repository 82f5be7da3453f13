/// An address family.
public enum Family: Sendable, Hashable, CaseIterable {
  case ipv4
  case ipv6

  /// The length of an address, in bits.
  public var bits: Int {
    switch self {
    case .ipv4: 32
    case .ipv6: 128
    }
  }

  /// The largest address, as a number.
  var maximum: UInt128 {
    switch self {
    case .ipv4: UInt128(UInt32.max)
    case .ipv6: .max
    }
  }
}
