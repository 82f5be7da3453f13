/// Counts a body, whose bytes are not looked at. Of one in chunks (RFC 9112 section 7.1), the lines between them are.
struct BodyReader {
  private enum Part {
    case counted, size, data, end, trailer
  }

  private var part: Part
  private var remaining: Int
  private var lines = HeadEnd()
  /// Whether all of it has come.
  private(set) var isComplete: Bool

  private init(_ part: Part, _ remaining: Int, isComplete: Bool = false) {
    self.part = part
    self.remaining = remaining
    self.isComplete = isComplete
  }

  static let empty = BodyReader(.counted, 0, isComplete: true)
  static let chunked = BodyReader(.size, 0)
  static func counted(_ count: Int) -> BodyReader { BodyReader(.counted, count, isComplete: count == 0) }

  /// How many bytes belong to it. What is left is of the next message, or has to be shown again with more behind it.
  mutating func read(_ bytes: ArraySlice<UInt8>) throws(Refused) -> Int {
    var rest = bytes
    while !isComplete, let count = try step(rest) { rest = rest.dropFirst(count) }
    return bytes.count - rest.count
  }

  /// nil if there has to be more.
  private mutating func step(_ bytes: ArraySlice<UInt8>) throws(Refused) -> Int? {
    switch part {
    case .counted, .data:
      guard !bytes.isEmpty else { return nil }
      let count = min(remaining, bytes.count)
      remaining -= count
      if remaining == 0 {
        isComplete = part == .counted
        part = .end
      }
      return count
    case .end:
      guard "\r\n".utf8.starts(with: bytes.prefix(2)) else { throw Refused(.ambiguous) }
      guard bytes.count >= 2 else { return nil }
      part = .size
      return 2
    case .size:
      guard let end = try lines.find(bytes, wantsEmptyLine: false) else { return nil }
      remaining = try Self.size(bytes.prefix(end).dropLast(2))
      part = remaining == 0 ? .trailer : .data
      lines = HeadEnd()
      return end
    case .trailer:
      guard let end = try lines.find(bytes) else { return nil }
      var trailer = Lines(bytes.prefix(end))
      guard try Fields(&trailer).areEmpty else { throw Refused(.ambiguous) }
      isComplete = true
      return end
    }
  }

  /// The size that a chunk's line gives; an extension means nothing to this hop.
  private static func size(_ line: ArraySlice<UInt8>) throws(Refused) -> Int {
    let digits = line.prefix { $0 != UInt8(ascii: ";") }
    guard (1...15).contains(digits.count), line.count <= 4096, !line.contains(where: \.isControl) else {
      throw Refused(.ambiguous)
    }
    var size = 0
    for digit in digits {
      switch digit.lowerCased {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): size = size << 4 | Int(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"):
        size = size << 4 | Int(digit.lowerCased - UInt8(ascii: "a") + 10)
      default: throw Refused(.ambiguous)
      }
    }
    return size
  }
}
