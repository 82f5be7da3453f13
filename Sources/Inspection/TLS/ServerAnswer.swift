/// How a server begins: whether it asks for a second ClientHello.
struct ServerAnswer {
  private var bytes: [UInt8] = []

  /// The random of a HelloRetryRequest: SHA-256 of its name (RFC 8446 section 4.1.3).
  private static let retry: [UInt8] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
  ]
  /// Record header, type and length of the message, version; then the random.
  private static let length = 5 + 4 + 2 + 32

  /// nil if that needs more bytes than have come, or the server does not speak TLS: then nothing else is let through.
  mutating func wantsAnotherHello(_ more: ArraySlice<UInt8>) -> Bool? {
    bytes += more.prefix(2 * Self.length - bytes.count)
    var rest = bytes[...]
    // A warning may come first (RFC 6066 section 3).
    while rest.count >= 7, rest.first == Record.Content.alert.rawValue { rest = rest.dropFirst(7) }
    guard rest.count >= Self.length, rest.first == Record.Content.handshake.rawValue else { return nil }
    return rest.dropFirst(Self.length - 32).prefix(32).elementsEqual(Self.retry)
  }
}
