/// The addresses of the link that brings what a jail's routes refuse, in one family.
public struct RefusalAddresses: Hashable, Sendable {
  /// The link's own.
  public let own: IPAddress
  /// In whose name an answer is that cannot be in the name of the destination. Nothing else has it, and it is closed.
  public let other: IPAddress

  private init(_ family: Family, own: UInt128, other: UInt128) {
    self.own = IPAddress(family: family, value: own)
    self.other = IPAddress(family: family, value: other)
  }

  /// Of a jail with an uplink: the guest's own, so that a socket's source stays right when rules change, and another of its subnet,
  /// about which no rule is.
  public init(_ guest: GuestAddresses) {
    self.init(guest.guest.family, own: guest.guest.value, other: guest.subnet.first + 3)
  }

  /// Of a jail without: the IPv4 dummy address (RFC 7600), and the discard prefix (RFC 6666).
  public static let closed = [
    RefusalAddresses(.ipv4, own: 0xc000_0008, other: 0xc000_000b),
    RefusalAddresses(.ipv6, own: 0x0100 << 112 | 1, other: 0x0100 << 112 | 2),
  ]
}
