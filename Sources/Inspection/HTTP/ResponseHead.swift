/// The head of a response: what it is, and how long.
struct ResponseHead {
  let status: Int
  /// Whether it begins a WebSocket.
  let isWebSocket: Bool
  /// nil if it ends with the connection.
  let body: BodyReader?

  /// A head with the empty line at its end.
  init(_ bytes: ArraySlice<UInt8>, toHead: Bool) throws(Refused) {
    var lines = Lines(bytes)
    guard let line = try lines.next(), let status = Self.status(line) else { throw Refused(.ambiguous) }
    let fields = try Fields(&lines)
    self.status = status
    isWebSocket = status == 101 && fields.upgrade == .webSocket
    // RFC 9112 section 6.3.
    let hasNone = toHead || status < 200 || status == 204 || status == 304
    body = hasNone ? .empty : try fields.body(isVersion10: line.starts(with: "HTTP/1.0".utf8))
  }

  private static func status(_ line: ArraySlice<UInt8>) -> Int? {
    guard line.starts(with: "HTTP/1.0 ".utf8) || line.starts(with: "HTTP/1.1 ".utf8) else { return nil }
    let rest = line.dropFirst(9)
    let digits = rest.prefix(while: \.isDigit)
    guard digits.count == 3, rest.count == 3 || rest[rest.startIndex + 3] == .space else { return nil }
    let status = digits.reduce(0) { 10 * $0 + Int($1 - UInt8(ascii: "0")) }
    return status >= 100 ? status : nil
  }
}
