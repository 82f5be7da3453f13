internal import CLinux

/// Reads received bytes; every read is checked against the end, and none can trap.
struct ByteReader {
  private let bytes: ArraySlice<UInt8>
  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  var count: Int { bytes.count }

  /// A number in host byte order at an offset; nil past the end.
  func number<Value: FixedWidthInteger>(_: Value.Type, at offset: Int) -> Value? {
    let width = Value.bitWidth / 8
    guard offset >= 0, offset + width <= bytes.count else { return nil }
    var value: Value = 0
    for index in 0..<width {
      value |= Value(truncatingIfNeeded: bytes[bytes.startIndex + offset + index]) << (index * 8)
    }
    return Value(littleEndian: value.littleEndian)
  }

  func slice(_ offset: Int, _ length: Int) -> ArraySlice<UInt8>? {
    guard offset >= 0, length >= 0, offset + length <= bytes.count else { return nil }
    return bytes[bytes.startIndex + offset..<bytes.startIndex + offset + length]
  }
}

/// One received message, split into its parts.
public struct Reply: Sendable, Equatable {
  public let type: Int
  public let flags: Int
  public let sequence: UInt32
  /// What follows the header, fixed part included.
  public let payload: [UInt8]

  /// Splits a datagram into messages. nil when a length field contradicts the datagram.
  public static func split(_ datagram: ArraySlice<UInt8>) -> [Reply]? {
    var replies: [Reply] = []
    var rest = datagram
    while !rest.isEmpty {
      let reader = ByteReader(rest)
      guard let length = reader.number(UInt32.self, at: 0), length >= 16, length <= rest.count,
        let type = reader.number(UInt16.self, at: 4), let flags = reader.number(UInt16.self, at: 6),
        let sequence = reader.number(UInt32.self, at: 8), let payload = reader.slice(16, Int(length) - 16)
      else { return nil }
      replies.append(Reply(type: Int(type), flags: Int(flags), sequence: sequence, payload: Array(payload)))
      rest = rest.dropFirst((Int(length) + 3) & ~3)
    }
    return replies
  }

  /// The attributes after a fixed part of `offset` bytes. nil when a length field contradicts the message.
  func attributes(after offset: Int) -> Attributes? {
    offset <= payload.count ? Attributes(payload[offset...]) : nil
  }
}

/// The attributes of a message, each a length, a type and a value (netlink(7)).
struct Attributes {
  private let bytes: ArraySlice<UInt8>

  /// nil when a length field contradicts the bytes.
  init?(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    var offset = 0
    while bytes.count - offset >= 4 {
      guard let (_, value) = attribute(at: offset) else { return nil }
      offset = Self.end(of: value, at: offset)
    }
  }

  /// The value of a type, nesting flags apart; of two with one type, the last.
  subscript(type: Int) -> ArraySlice<UInt8>? {
    var found: ArraySlice<UInt8>?
    var offset = 0
    while let (number, value) = attribute(at: offset) {
      if number == type { found = value }
      offset = Self.end(of: value, at: offset)
    }
    return found
  }

  /// The types, in order.
  var types: [Int] {
    var found: [Int] = []
    var offset = 0
    while let (number, value) = attribute(at: offset) {
      found.append(number)
      offset = Self.end(of: value, at: offset)
    }
    return found
  }

  private func attribute(at offset: Int) -> (type: Int, value: ArraySlice<UInt8>)? {
    let reader = ByteReader(bytes)
    guard let length = reader.number(UInt16.self, at: offset), length >= 4,
      let type = reader.number(UInt16.self, at: offset + 2),
      let value = reader.slice(offset + 4, Int(length) - 4)
    else { return nil }
    return (Int(type & NLA_TYPE_MASK_VALUE), value)
  }

  /// Where the next one begins: they are padded to 4 bytes.
  private static func end(of value: ArraySlice<UInt8>, at offset: Int) -> Int {
    offset + (4 + value.count + 3) & ~3
  }
}

/// NLA_TYPE_MASK of linux/netlink.h, a macro that Swift cannot import.
private let NLA_TYPE_MASK_VALUE: UInt16 = 0x3fff
