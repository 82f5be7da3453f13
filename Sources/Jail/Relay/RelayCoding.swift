import Inspection
import Policy

// Both sides are of one executable. Whatever is not exactly what `bytes` would have made is no message.

extension RelayOrder {
  /// The most names that an order can have, and the longest, in bytes: what is beyond is left out. A connection that names only such a
  /// name is refused.
  static let mostNames = 200
  private static let longestName = 255

  var bytes: [UInt8] {
    switch self {
    case .listen(let port): return [1] + port.octets
    case .connect(let id, let flow, let names):
      let names = names.map { Array($0.utf8) }.filter { $0.count <= Self.longestName }.prefix(Self.mostNames)
      let address = flow.address.bytes
      return [2] + id.octets + flow.source.octets + flow.port.octets + [UInt8(address.count)] + address
        + names.flatMap { [UInt8($0.count)] + $0 }
    case .join(let id): return [4] + id.octets
    case .close(let id): return [3] + id.octets
    }
  }

  /// nil for anything else than one whole order.
  init?(_ bytes: [UInt8]) {
    var reader = MessageReader(rest: bytes[...])
    switch reader.byte() {
    case 1:
      guard let port: UInt16 = reader.number() else { return nil }
      self = .listen(port: port)
    case 2:
      guard let id: UInt64 = reader.number(), let source: UInt16 = reader.number(),
        let port: UInt16 = reader.number(), let octets = reader.counted(),
        let address = IPAddress(family: octets.count == 4 ? .ipv4 : .ipv6, bytes: octets),
        let names = reader.names(atMost: Self.mostNames)
      else { return nil }
      self = .connect(id: id, NameFlow(source: source, address: address, port: port), names: names)
    case 3:
      guard let id: UInt64 = reader.number() else { return nil }
      self = .close(id: id)
    case 4:
      guard let id: UInt64 = reader.number() else { return nil }
      self = .join(id: id)
    default: return nil
    }
    guard reader.rest.isEmpty else { return nil }
  }

  /// How many descriptors come with it.
  var descriptorCount: Int {
    switch self {
    case .listen, .connect: 1
    case .join: 2
    case .close: 0
    }
  }
}

extension RelayReport {
  /// The longest name that is told. Bytes.
  private static let longestName = 255

  var bytes: [UInt8] {
    switch self {
    case .ready(let capacity): [1] + UInt32(clamping: capacity).octets
    case .accepted(let id): [2] + id.octets
    case .refused(let id, let refusal, let name):
      [3] + id.octets + [refusal.rawValue] + name.utf8.prefix(Self.longestName)
    case .closed(let id): [4] + id.octets
    }
  }

  /// nil for anything else than one whole report.
  init?(_ bytes: [UInt8]) {
    var reader = MessageReader(rest: bytes[...])
    switch reader.byte() {
    case 1:
      guard let capacity: UInt32 = reader.number() else { return nil }
      self = .ready(capacity: Int(capacity))
    case 2:
      guard let id: UInt64 = reader.number() else { return nil }
      self = .accepted(id: id)
    case 3:
      guard let id: UInt64 = reader.number(), let refusal = reader.byte().flatMap(SpokenRefusal.init),
        reader.rest.count <= Self.longestName
      else { return nil }
      self = .refused(id: id, refusal, name: String(decoding: reader.rest, as: UTF8.self))
      return
    case 4:
      guard let id: UInt64 = reader.number() else { return nil }
      self = .closed(id: id)
    default: return nil
    }
    guard reader.rest.isEmpty else { return nil }
  }
}

extension FixedWidthInteger {
  /// Its bytes, the lowest first.
  fileprivate var octets: [UInt8] {
    (0..<Self.bitWidth / 8).map { UInt8(truncatingIfNeeded: self >> Self($0 * 8)) }
  }
}

private struct MessageReader {
  var rest: ArraySlice<UInt8>

  mutating func byte() -> UInt8? { rest.popFirst() }

  mutating func number<Number: FixedWidthInteger>() -> Number? {
    let size = Number.bitWidth / 8
    guard rest.count >= size else { return nil }
    defer { rest = rest.dropFirst(size) }
    return rest.prefix(size).reversed().reduce(0) { $0 << 8 | Number($1) }
  }

  /// As many bytes as the first one says.
  mutating func counted() -> ArraySlice<UInt8>? {
    guard let count = byte(), count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(Int(count)) }
    return rest.prefix(Int(count))
  }

  /// All that is left.
  mutating func names(atMost limit: Int) -> [String]? {
    var names: [String] = []
    while !rest.isEmpty {
      guard names.count < limit, let name = counted().flatMap({ String(validating: $0, as: UTF8.self) })
      else { return nil }
      names.append(name)
    }
    return names
  }
}
