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

  /// The attributes after a fixed part of `offset` bytes, by type; of two with one type, the last. Nesting
  /// flags are removed. nil when a length field contradicts the message.
  func attributes(after offset: Int) -> [Int: ArraySlice<UInt8>]? {
    guard offset <= payload.count else { return nil }
    return Self.attributes(in: payload[offset...])
  }

  static func attributes(in bytes: ArraySlice<UInt8>) -> [Int: ArraySlice<UInt8>]? {
    var found: [Int: ArraySlice<UInt8>] = [:]
    var rest = bytes
    while rest.count >= 4 {
      let reader = ByteReader(rest)
      guard let length = reader.number(UInt16.self, at: 0), length >= 4, Int(length) <= rest.count,
        let type = reader.number(UInt16.self, at: 2), let value = reader.slice(4, Int(length) - 4)
      else { return nil }
      found[Int(type) & Int(NLA_TYPE_MASK_VALUE)] = value
      rest = rest.dropFirst((Int(length) + 3) & ~3)
    }
    return found
  }
}

/// NLA_TYPE_MASK of linux/netlink.h, a macro that Swift cannot import.
private let NLA_TYPE_MASK_VALUE: UInt16 = 0x3fff
