/// A ClientHello in one record or several (RFC 8446 section 5.1), in bytes that are shown again with more behind them.
struct HandshakeRecords {
  /// Where the next record begins.
  private var next = 0
  /// How many bytes of the message the records before it hold, and the first four of them.
  private var count = 0
  private var head = 0

  private var length: Int? { count >= 4 ? 4 + head & 0xff_ffff : nil }

  /// Where the message ends, and its body; nil if there has to be more.
  mutating func read(_ bytes: ArraySlice<UInt8>) throws(Refused) -> (end: Int, body: ArraySlice<UInt8>)? {
    while count != length {
      let record = try Record(bytes.dropFirst(next))
      if let record, !record.isHandshake { throw Refused(.ambiguous) }
      guard let record, bytes.count >= next + record.length else {
        guard bytes.count < Inspector.limit else { throw Refused(.incomplete) }
        return nil
      }
      let fragment = bytes.dropFirst(next + Record.headerLength).prefix(record.length - Record.headerLength)
      for byte in fragment.prefix(max(0, 4 - count)) { head = head << 8 | Int(byte) }
      count += fragment.count
      next += record.length
      try checkHead()
    }
    return (next, body(bytes.prefix(next)))
  }

  private func checkHead() throws(Refused) {
    let clientHello = 1
    guard head >> (8 * (min(count, 4) - 1)) == clientHello else { throw Refused(.ambiguous) }
    guard let length else { return }
    guard length <= Inspector.limit, next <= Inspector.limit else { throw Refused(.incomplete) }
    // Nothing may follow the message in its record: the keys may change here.
    guard count <= length else { throw Refused(.ambiguous) }
  }

  private func body(_ records: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var message: [UInt8] = []
    message.reserveCapacity(count)
    var rest = records
    while rest.count >= Record.headerLength {
      let length = Int(rest[rest.startIndex + 3]) << 8 | Int(rest[rest.startIndex + 4])
      message += rest.dropFirst(Record.headerLength).prefix(length)
      rest = rest.dropFirst(Record.headerLength + length)
    }
    return message.dropFirst(4)
  }
}
