/// An address prefix: every address that shares the first `length` bits.
public struct Prefix: Hashable, Sendable {
  /// The first address; its host bits are zero.
  public let address: IPAddress
  /// How many leading bits are fixed: 0 to 32, or 0 to 128.
  public let length: Int

  /// The prefix of that length that contains an address; the length is clamped to the family's bits.
  public init(containing address: IPAddress, length: Int) {
    let length = min(max(length, 0), address.family.bits)
    self.length = length
    self.address = IPAddress(
      family: address.family, value: address.value & ~Self.hostMask(address.family, length))
  }

  /// The prefix that holds one address only.
  public init(_ address: IPAddress) {
    self.init(containing: address, length: address.family.bits)
  }

  /// Every address of a family.
  public static func everything(_ family: Family) -> Prefix {
    Prefix(containing: IPAddress(family: family, value: 0), length: 0)
  }

  /// The family that the prefix belongs to.
  public var family: Family { address.family }

  /// Whether the prefix holds every address of its family.
  public var isEverything: Bool { length == 0 }

  var first: UInt128 { address.value }
  var last: UInt128 { address.value | Self.hostMask(family, length) }

  private static func hostMask(_ family: Family, _ length: Int) -> UInt128 {
    family.maximum >> UInt128(length)
  }

  /// Whether the address lies in the prefix; an address of the other family never does.
  public func contains(_ address: IPAddress) -> Bool {
    family == address.family && first <= address.value && address.value <= last
  }

  /// Whether every address of the other prefix lies in this one.
  public func contains(_ other: Prefix) -> Bool {
    length <= other.length && contains(other.address)
  }

  /// Whether any address lies in both prefixes.
  public func overlaps(_ other: Prefix) -> Bool {
    contains(other) || other.contains(self)
  }
}

extension Prefix: Comparable {
  /// By first address, and a containing prefix before what it contains.
  public static func < (left: Prefix, right: Prefix) -> Bool {
    left.address == right.address ? left.length < right.length : left.address < right.address
  }
}

extension Prefix: CustomStringConvertible {
  /// `address/length`.
  public var description: String { "\(address)/\(length)" }
}
