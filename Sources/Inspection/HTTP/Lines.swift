/// The lines of a complete head, without their line ends and without the empty line that closes it.
struct Lines {
  private var rest: ArraySlice<UInt8>

  init(_ head: ArraySlice<UInt8>) { rest = head }

  /// A carriage return or a line feed alone is part of no line (RFC 9112 section 2.2).
  mutating func next() throws(Refused) -> ArraySlice<UInt8>? {
    guard let end = rest.firstIndex(of: .lineFeed) else { throw Refused(.ambiguous) }
    let line = rest[..<end].dropLast()
    guard end > rest.startIndex, rest[end - 1] == .carriageReturn, !line.contains(.carriageReturn) else {
      throw Refused(.ambiguous)
    }
    rest = rest[(end + 1)...]
    return line.isEmpty ? nil : line
  }
}
