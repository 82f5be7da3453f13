internal import CLinux

/// One rtnetlink request under construction: header, fixed part, attributes (netlink(7), rtnetlink(7)).
///
/// Everything is in host byte order except addresses, and every attribute is padded to four bytes.
public struct Message: Sendable {
  /// The bytes so far; the length field is correct after every change.
  public private(set) var bytes: [UInt8]

  /// Starts a message of one type, e.g. RTM_NEWROUTE. `flags` goes with NLM_F_REQUEST.
  public init(type: Int, flags: Int, fixed: [UInt8]) {
    bytes = []
    append(UInt32(0))
    append(UInt16(truncatingIfNeeded: type))
    append(UInt16(truncatingIfNeeded: flags | Int(NLM_F_REQUEST)))
    append(UInt32(0))
    append(UInt32(0))
    bytes += fixed
    finish()
  }

  /// Appends an attribute with these bytes.
  public mutating func attribute(_ type: Int, _ payload: [UInt8]) {
    append(UInt16(payload.count + 4))
    append(UInt16(truncatingIfNeeded: type))
    bytes += payload
    finish()
  }

  /// Appends an attribute with a 32-bit number.
  public mutating func attribute(_ type: Int, _ value: UInt32) {
    attribute(type, Self.encoded(value))
  }

  /// Appends an attribute that holds attributes, behind a fixed part where it has one.
  public mutating func nested(_ type: Int, after fixed: [UInt8] = [], _ body: (inout Message) -> Void) {
    let start = bytes.count
    append(UInt16(0))
    append(UInt16(truncatingIfNeeded: type))
    bytes += fixed
    finish()
    body(&self)
    replace(at: start, with: UInt16(bytes.count - start))
  }

  mutating func stamp(sequence: UInt32, acknowledge: Bool) {
    replace(at: 8, with: sequence)
    if acknowledge { bytes[6] |= UInt8(NLM_F_ACK) }
  }

  private mutating func append(_ value: some FixedWidthInteger) { bytes += Self.encoded(value) }

  private mutating func finish() {
    while bytes.count % 4 != 0 { bytes.append(0) }
    replace(at: 0, with: UInt32(bytes.count))
  }

  private mutating func replace(at offset: Int, with value: some FixedWidthInteger) {
    bytes.replaceSubrange(offset..<offset + value.bitWidth / 8, with: Self.encoded(value))
  }

  /// The bytes of a number in host order.
  static func encoded(_ value: some FixedWidthInteger) -> [UInt8] {
    var value = value
    // SAFETY: the bytes of an integer are copied out.
    return unsafe withUnsafeBytes(of: &value) { unsafe Array($0) }
  }
}
