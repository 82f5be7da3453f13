/// The first bytes of a connection: TLS, HTTP/1, or something else.
///
/// A server is not to see HTTP where this sees none. So it looks for what a lenient server might take for a request, too (RFC 9112 sections
/// 2.2 and 3: empty lines before it, any white space in it, a line feed alone behind it), and refuses it.
struct Beginning {
  private enum Part {
    case blank, word, rest, preface
  }

  private let port: UInt16
  private var part = Part.blank
  private var scanned = 0
  /// Where the first word begins.
  private var start = 0
  /// Whether the first word could be the method of a server that is careless about what follows it.
  private var isMethodLike = true

  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  init(port: UInt16) { self.port = port }

  /// What the bytes are, which are shown again with more behind them.
  mutating func read(_ bytes: ArraySlice<UInt8>) throws(Refused) -> Inspector.Spoken {
    let records: Inspector.Spoken? = try Self.records(bytes, port)
    if let records { return records }
    while scanned < bytes.count {
      let byte = bytes[bytes.startIndex + scanned]
      scanned += 1
      if let spoken = try step(byte, bytes) { return spoken }
    }
    guard scanned < Inspector.limit else { throw Refused(.incomplete) }
    return .unknown
  }

  private mutating func step(_ byte: UInt8, _ bytes: ArraySlice<UInt8>) throws(Refused) -> Inspector.Spoken? {
    switch part {
    case .blank:
      if byte.isBlank { return port == 80 ? try neither() : nil }
      part = .word
      start = scanned - 1
      return try step(byte, bytes)
    case .word:
      if byte.isToken {
        isMethodLike =
          isMethodLike && (byte.isLetter || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_"))
        return nil
      }
      guard byte.isBlank, scanned - 1 > start else { return try neither() }
      part = .rest
      return try step(byte, bytes)
    case .rest:
      if byte == .lineFeed { return try line(bytes) }
      return byte.isControl && !byte.isBlank && !isMethodLike ? try neither() : nil
    case .preface:
      let seen = bytes.prefix(scanned)
      guard Self.preface.starts(with: seen) else { throw Refused(.ambiguous) }
      return seen.count == Self.preface.count ? .other : nil
    }
  }

  /// What the first line that is not empty means.
  private mutating func line(_ bytes: ArraySlice<UInt8>) throws(Refused) -> Inspector.Spoken? {
    let line = bytes.prefix(scanned).dropFirst(start).dropLast()
    if start == 0, line.last == .carriageReturn, RequestLine(line.dropLast()) != nil { return .http }
    if port == 80 { throw Refused(.notHTTP) }
    if Self.preface.starts(with: bytes.prefix(scanned)) {
      part = .preface
      return nil
    }
    // HTTP/0.9 may name a host, too: GET http://host/.
    let isOld = line.prefix { !$0.isBlank }.elementsEqual("GET".utf8)
    if isOld || line.containsInLowerCase("http/") { throw Refused(.ambiguous) }
    return .other
  }

  private func neither() throws(Refused) -> Inspector.Spoken {
    if port == 80 { throw Refused(.notHTTP) }
    return .other
  }

  /// Whether these are the records of TLS; nil if not. The versions of records mean nothing (RFC 8446 section 5.1), and some servers skip a
  /// warning or an empty record (OpenSSL) before the ClientHello: no other record comes first, and the byte which would be the message's
  /// type has a say where the version is none.
  private static func records(_ bytes: ArraySlice<UInt8>, _ port: UInt16) throws(Refused) -> Inspector.Spoken?
  {
    let first = bytes.prefix(6)
    let types = Record.Content.changeCipherSpec.rawValue...Record.Content.applicationData.rawValue
    if types.contains(first[first.startIndex]) {
      guard first.count == 6 else { return .unknown }
      let isRecord = first[first.startIndex + 1] == 3
      if isRecord, first[first.startIndex] == Record.Content.handshake.rawValue { return .tls }
      if isRecord || first[first.startIndex + 5] == 1 { throw Refused(.ambiguous) }
    }
    // A ClientHello as of SSL 2 has no name (RFC 5246 appendix E.2).
    if port == 443, first[first.startIndex] & 0x80 != 0 {
      guard first.count >= 3 else { return .unknown }
      if first[first.startIndex + 2] == 1 { throw Refused(.noServerName) }
    }
    return nil
  }
}
