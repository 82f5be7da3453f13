/// What a filter may look at: disjoint parts of a frame, each at a fixed offset, Ethernet header included.
///
/// The offsets are those of IEEE 802.3, RFC 791 without options and RFC 8200 without extension headers. They
/// are written down a second time here on purpose: the compiler has its own.
enum FrameField: Int, CaseIterable {
  case etherType
  /// IPv4: version and header length. IPv6: version and the upper half of the traffic class.
  case version
  /// IPv4: flags and fragment offset. IPv6: the next header, then the hop limit.
  case fragments
  case protocol4
  case destination4
  case echoType4
  case port4
  case destination6a, destination6b, destination6c, destination6d
  case echoType6
  case port6

  /// Where it begins.
  var offset: Int {
    switch self {
    case .etherType: 12
    case .version: 14
    case .fragments: 20
    case .protocol4: 23
    case .destination4: 30
    case .echoType4: 34
    case .port4: 36
    case .destination6a: 38
    case .destination6b: 42
    case .destination6c: 46
    case .destination6d: 50
    case .echoType6: 54
    case .port6: 56
    }
  }

  /// How many bytes it has: 1, 2 or 4.
  var size: Int {
    switch self {
    case .version, .protocol4, .echoType4, .echoType6: 1
    case .etherType, .fragments, .port4, .port6: 2
    case .destination4, .destination6a, .destination6b, .destination6c, .destination6d: 4
    }
  }

  /// The largest value.
  var maximum: UInt32 { .max >> UInt32(32 - 8 * size) }

  /// A frame of this length has every field.
  static let frameLength = 58

  /// What a load fetches; nil when no field begins at that offset with that size.
  static func load(_ offset: UInt32, size: Int) -> Accumulator? {
    // The one byte that is part of a wider field: IPv6's next header.
    if size == 1, offset == 20 { return .field(.fragments, shift: 8, mask: 0xff) }
    let field = allCases.first { $0.offset == Int(offset) && $0.size == size }
    return field.map { .field($0, shift: 0, mask: $0.maximum) }
  }
}

/// What the accumulator of a program holds.
enum Accumulator: Equatable {
  case constant(UInt32)
  /// `(value >> shift) & mask` of a field.
  case field(FrameField, shift: UInt32, mask: UInt32)
}
