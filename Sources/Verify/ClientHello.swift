/// The first message of TLS (RFC 8446 section 4.1.2), with a server's name (RFC 6066) and little else.
enum ClientHello {
  static func bytes(for name: String) -> [UInt8] {
    let host = Array(name.utf8)
    let serverName = long([0] + long(host))
    let versions: [UInt8] = [2, 3, 4]
    let groups = long([0, 0x1d])
    let algorithms = long([4, 3, 8, 4])
    // An x25519 key: any 32 bytes.
    let share = long([0, 0x1d] + long([UInt8](repeating: 9, count: 32)))
    let extensions = [(0, serverName), (43, versions), (10, groups), (13, algorithms), (51, share)]
      .flatMap { [UInt8(0), UInt8($0.0)] + long($0.1) }
    let body =
      [3, 3] + [UInt8](repeating: 7, count: 32) + [0] + long([0x13, 0x01]) + [1, 0] + long(extensions)
    let handshake = [1, 0] + long(body)
    return [22, 3, 1] + long(handshake)
  }

  /// Bytes behind their count, as two bytes.
  private static func long(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8(bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)] + bytes
  }
}
