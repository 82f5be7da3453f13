/// The records behind a message's question (RFC 1035 section 4.1.3), one after the other. What is malformed ends them.
struct DNSRecords: Sequence, IteratorProtocol {
  struct Record {
    let type: UInt16
    let recordClass: UInt16
    /// In seconds.
    let timeToLive: UInt32
    let data: ArraySlice<UInt8>
  }

  private let bytes: [UInt8]
  private var position: Int
  private var rest: Int

  /// More are not worth reading.
  private static let most = 64

  /// `start` is where the first one begins, `count` how many the message says there are.
  init(_ bytes: [UInt8], from start: Int, count: Int) {
    self.bytes = bytes
    position = start
    rest = Swift.min(count, Self.most)
  }

  mutating func next() -> Record? {
    // Type, class, time to live, length.
    guard rest > 0, let fields = endOfName(), fields + 10 <= bytes.count else { return nil }
    let data = fields + 10
    let end = data + Int(bytes.word(at: fields + 8))
    guard end <= bytes.count else { return nil }
    rest -= 1
    position = end
    return Record(
      type: bytes.word(at: fields), recordClass: bytes.word(at: fields + 2),
      timeToLive: UInt32(bytes.word(at: fields + 4)) << 16 | UInt32(bytes.word(at: fields + 6)),
      data: bytes[data..<end])
  }

  /// Behind a name, which ends with an empty label or with a pointer. No pointer is followed.
  private func endOfName() -> Int? {
    var end = position
    while end < bytes.count, end - position <= 255 {
      switch bytes[end] {
      case 0: return end + 1
      case 0xc0...: return end + 2
      case 1..<64: end += 1 + Int(bytes[end])
      default: return nil
      }
    }
    return nil
  }
}

extension [UInt8] {
  /// Two bytes in network order.
  func word(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }
}
