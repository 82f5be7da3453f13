/// What a connection may become after a request.
enum Upgrade {
  case webSocket, other
}

/// The fields of a head, or of a trailer, that say for whom a message is and how long it is.
struct Fields {
  /// How often a field comes, and its last value.
  struct Field {
    private(set) var count = 0
    private(set) var value: ArraySlice<UInt8> = []

    fileprivate mutating func add(_ value: ArraySlice<UInt8>) {
      count += 1
      self.value = value
    }
  }

  private(set) var host = Field()
  private var contentLength = Field()
  private var transferEncoding = Field()
  private var upgradeField = Field()

  /// The lines up to the empty one: as RFC 9112 section 5 has them, and no obsolete or careless form.
  init(_ lines: inout Lines) throws(Refused) {
    while let line = try lines.next() {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw Refused(.ambiguous) }
      let name = line[..<colon]
      let value = line[(colon + 1)...].trimmed
      guard !name.isEmpty, name.allSatisfy(\.isToken), !value.contains(where: \.isControl) else {
        throw Refused(.ambiguous)
      }
      try add(name, value)
    }
  }

  private mutating func add(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(Refused) {
    switch name.count {
    case 4 where name.isInLowerCase("host".utf8): host.add(value)
    case 7 where name.isInLowerCase("upgrade".utf8): upgradeField.add(value)
    case 14 where name.isInLowerCase("content-length".utf8): contentLength.add(value)
    case 17 where name.isInLowerCase("transfer-encoding".utf8): transferEncoding.add(value)
    // Behind a gateway of the CGI kind they are the same names.
    case 14 where name.isInLowerCase("content_length".utf8),
      17 where name.isInLowerCase("transfer_encoding".utf8):
      throw Refused(.ambiguous)
    default: break
    }
  }

  /// What the message wants the connection to become. Where there is a choice, it is not only a WebSocket.
  var upgrade: Upgrade? {
    if upgradeField.count == 0 { return nil }
    return upgradeField.count == 1 && upgradeField.value.isInLowerCase("websocket".utf8) ? .webSocket : .other
  }

  /// Whether any of them says for whom a message is, or how long.
  var areEmpty: Bool { host.count + contentLength.count + transferEncoding.count + upgradeField.count == 0 }

  /// How long the body is; nil if they do not say it.
  func body(isVersion10: Bool) throws(Refused) -> BodyReader? {
    if contentLength.count + transferEncoding.count == 0 { return nil }
    guard contentLength.count + transferEncoding.count == 1 else { throw Refused(.ambiguous) }
    if transferEncoding.count == 1 {
      guard !isVersion10, transferEncoding.value.elementsEqual("chunked".utf8) else {
        throw Refused(.ambiguous)
      }
      return .chunked
    }
    let digits = contentLength.value
    // More digits would not fit; a zero in front means base 8 to some.
    guard (1...18).contains(digits.count), digits.allSatisfy(\.isDigit) else { throw Refused(.ambiguous) }
    guard digits.count == 1 || digits.first != UInt8(ascii: "0") else { throw Refused(.ambiguous) }
    return .counted(digits.reduce(0) { 10 * $0 + Int($1 - UInt8(ascii: "0")) })
  }
}
