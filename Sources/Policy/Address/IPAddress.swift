/// An IPv4 or IPv6 address, without a zone.
public struct IPAddress: Hashable, Sendable {
  /// The family that the address belongs to.
  public let family: Family
  /// The address as a number; an IPv4 address fills the low 32 bits.
  public let value: UInt128

  init(family: Family, value: UInt128) {
    self.family = family
    self.value = value & family.maximum
  }

  /// An address from its bytes in network order: 4 for IPv4, 16 for IPv6; nil for any other count.
  public init?(family: Family, bytes: some Collection<UInt8>) {
    guard bytes.count == family.bits / 8 else { return nil }
    self.init(family: family, value: bytes.reduce(0) { $0 << 8 | UInt128($1) })
  }

  /// The bytes in network order: 4 for IPv4, 16 for IPv6.
  public var bytes: [UInt8] {
    stride(from: family.bits - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt128($0)) }
  }
}

extension IPAddress {
  /// 127.0.0.1 or ::1.
  public static func loopback(_ family: Family) -> IPAddress {
    IPAddress(family: family, value: family == .ipv4 ? 0x7f00_0001 : 1)
  }

  /// 0.0.0.0 or ::, which is all addresses where a socket is bound to it.
  public static func any(_ family: Family) -> IPAddress { IPAddress(family: family, value: 0) }

  /// Whether it is one of 127.0.0.0/8, or ::1.
  public var isLoopback: Bool { family == .ipv4 ? value >> 24 == 127 : value == 1 }
}

extension IPAddress: Comparable {
  /// Numerical order; every IPv4 address comes before every IPv6 address.
  public static func < (left: IPAddress, right: IPAddress) -> Bool {
    guard left.family == right.family else { return left.family == .ipv4 }
    return left.value < right.value
  }
}

extension IPAddress: CustomStringConvertible {
  /// Dotted decimal, or the canonical text of RFC 5952.
  public var description: String {
    switch family {
    case .ipv4: bytes.map { String($0) }.joined(separator: ".")
    case .ipv6: ipv6Description
    }
  }

  private var ipv6Description: String {
    // RFC 5952 section 5: the mixed form, where the prefix alone tells that an IPv4 address is embedded.
    if value >> 32 == 0xffff {
      return "::ffff:\(IPAddress(family: .ipv4, value: value))"
    }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: value >> UInt128(112 - 16 * $0)) }
    let zeros = Self.longestZeroRun(groups)
    let text = groups.map { String($0, radix: 16) }
    guard let zeros else { return text.joined(separator: ":") }
    return text[..<zeros.lowerBound].joined(separator: ":") + "::"
      + text[zeros.upperBound...].joined(separator: ":")
  }

  // RFC 5952 section 4.2: the longest run, the first of equals, and never a single group.
  private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
    var best: Range<Int>?
    var start = 0
    for index in 0...groups.count {
      if index < groups.count, groups[index] == 0 { continue }
      if index - start > max(1, best?.count ?? 0) { best = start..<index }
      start = index + 1
    }
    return best
  }
}
