/// The header of a record (RFC 8446 section 5.1).
struct Record {
  static let headerLength = 5

  enum Content: UInt8 {
    case changeCipherSpec = 20
    case alert, handshake, applicationData
  }

  let content: Content
  /// The header's five bytes, and what follows them.
  let length: Int

  /// nil if there are fewer than five bytes.
  init?(_ bytes: ArraySlice<UInt8>) throws(Refused) {
    guard bytes.count >= Self.headerLength else { return nil }
    let first = bytes.startIndex
    guard let content = Content(rawValue: bytes[first]), bytes[first + 1] == 3 else {
      throw Refused(.ambiguous)
    }
    self.content = content
    length = Self.headerLength + (Int(bytes[first + 3]) << 8 | Int(bytes[first + 4]))
  }

  /// Whether it holds a part of a handshake in clear, which is neither empty nor longer than such a record may be.
  var isHandshake: Bool {
    content == .handshake && (1...1 << 14).contains(length - Self.headerLength)
  }
}
