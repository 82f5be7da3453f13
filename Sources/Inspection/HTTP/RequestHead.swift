/// The head of a request: which host it is for, and what follows it.
struct RequestHead {
  let isHead: Bool
  let upgrade: Upgrade?
  let body: BodyReader

  /// A head with the empty line at its end; one for another host, or that could be read in another way, is refused.
  init(_ bytes: ArraySlice<UInt8>, _ served: ServedNames) throws(Refused) {
    var lines = Lines(bytes)
    guard let first = try lines.next(), let line = RequestLine(first) else { throw Refused(.ambiguous) }
    let fields = try Fields(&lines)
    isHead = try Self.isHead(line.method)
    try Self.judge(line, fields, served)
    upgrade = fields.upgrade
    body = try fields.body(isVersion10: line.isVersion10) ?? .empty
  }

  /// Whether the answer has no body. A server that takes "head" for HEAD would send none, and what came next would be read in another way.
  private static func isHead(_ method: ArraySlice<UInt8>) throws(Refused) -> Bool {
    if method.isInLowerCase("connect".utf8) { throw Refused(.tunnel) }
    guard method.isInLowerCase("head".utf8) else { return false }
    guard method.elementsEqual("HEAD".utf8) else { throw Refused(.ambiguous) }
    return true
  }

  private static func judge(_ line: RequestLine, _ fields: Fields, _ served: ServedNames) throws(Refused) {
    if let authority = try authority(line), !served.containsHost(authority) {
      throw Refused(.otherHost, name: authority)
    }
    guard fields.host.count <= 1 else { throw Refused(.ambiguous) }
    guard served.containsHost(fields.host.value) else { throw Refused(.otherHost, name: fields.host.value) }
  }

  /// The authority in a target in absolute form (RFC 9112 section 3.2); nil in origin form and in that of `OPTIONS *`.
  private static func authority(_ line: RequestLine) throws(Refused) -> ArraySlice<UInt8>? {
    if line.target.first == UInt8(ascii: "/") { return nil }
    if line.target.elementsEqual("*".utf8), line.method.elementsEqual("OPTIONS".utf8) { return nil }
    for scheme in ["http://", "https://"]
    where line.target.prefix(scheme.utf8.count).isInLowerCase(scheme.utf8) {
      return line.target.dropFirst(scheme.utf8.count).prefix {
        $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
      }
    }
    throw Refused(.ambiguous)
  }
}
