/// Reads vectors as TLS writes them (RFC 8446 section 3.4).
struct ByteReader {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func bytes(_ count: Int) throws(Refused) -> ArraySlice<UInt8> {
    guard rest.count >= count else { throw Refused(.ambiguous) }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  /// A number of so many bytes.
  mutating func number(_ count: Int) throws(Refused) -> Int {
    try bytes(count).reduce(0) { $0 << 8 | Int($1) }
  }

  /// Bytes behind their length, which is a number of so many bytes.
  mutating func vector(_ count: Int) throws(Refused) -> ArraySlice<UInt8> {
    try bytes(try number(count))
  }
}
