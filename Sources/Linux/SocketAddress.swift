internal import CLinux
internal import Glibc

/// An Internet address and a port, as sockets are bound and connected to (struct sockaddr_in, ip(7);
/// sockaddr_in6, ipv6(7)).
public struct SocketAddress: Hashable, Sendable {
  /// The bytes of the C struct.
  let bytes: [UInt8]

  /// 4 bytes are an IPv4 address, 16 an IPv6 address, anything else is none. `scope` is the index of the link
  /// that a link-local IPv6 address belongs to.
  public init?(_ address: some Collection<UInt8>, port: UInt16, scope: UInt32 = 0) {
    let portBytes = [UInt8(port >> 8), UInt8(port & 0xff)]
    switch address.count {
    case 4:
      bytes = Self.native(UInt16(AF_INET)) + portBytes + address + [UInt8](repeating: 0, count: 8)
    case 16:
      bytes = Self.native(UInt16(AF_INET6)) + portBytes + [0, 0, 0, 0] + address + Self.native(scope)
    default:
      return nil
    }
  }

  /// Takes what the kernel wrote; nil when that is neither family.
  init?(struct bytes: [UInt8]) {
    guard
      bytes.count == 16 && bytes.starts(with: Self.native(UInt16(AF_INET)))
        || bytes.count == 28 && bytes.starts(with: Self.native(UInt16(AF_INET6)))
    else { return nil }
    self.bytes = bytes
  }

  var family: CInt { bytes.count == 16 ? AF_INET : AF_INET6 }

  /// The port, in host byte order.
  public var port: UInt16 { UInt16(bytes[2]) << 8 | UInt16(bytes[3]) }

  /// The address in network byte order: 4 or 16 bytes.
  public var address: ArraySlice<UInt8> { bytes.count == 16 ? bytes[4..<8] : bytes[8..<24] }

  private static func native(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value.littleEndian >> ($0 * 8)) }
  }
}

/// The index of a link by its name or, as a zone may also be written, its decimal number; nil when there is
/// no such link (if_nametoindex(3)).
public func linkIndex(ofZone zone: String) -> UInt32? {
  // SAFETY: the string is passed as a NUL-terminated copy that outlives the call.
  let index = unsafe if_nametoindex(zone)
  return index != 0 ? index : UInt32(zone)
}
