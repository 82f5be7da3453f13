import Policy

/// Ethernet frames, built byte by byte from the RFCs and not from the filter's offsets.
enum Frame {
  /// A frame that carries the flow; every field that must not matter is random.
  static func carrying(_ flow: Flow, _ random: inout Random) -> [UInt8] {
    let payload = transport(flow, &random)
    return ethernet(flow.destination.family == .ipv4 ? 0x0800 : 0x86dd, &random)
      + (flow.destination.family == .ipv4
        ? ipv4(flow, payload, &random) : ipv6(flow, payload, &random)) + payload
  }

  static func ethernet(_ type: UInt16, _ random: inout Random) -> [UInt8] {
    random.bytes(12) + word(type)
  }

  // RFC 791 section 3.1.
  private static func ipv4(_ flow: Flow, _ payload: [UInt8], _ random: inout Random) -> [UInt8] {
    [0x45, random.byte()] + word(UInt16(20 + payload.count)) + random.bytes(2)
      + [random.bool() ? 0x40 : 0x00, 0x00]  // "don't fragment" or nothing, offset 0
      + [random.byte(), number(flow)] + random.bytes(2) + random.bytes(4) + flow.destination.bytes
  }

  // RFC 8200 section 3.
  private static func ipv6(_ flow: Flow, _ payload: [UInt8], _ random: inout Random) -> [UInt8] {
    [0x60 | random.byte() & 0x0f] + random.bytes(3) + word(UInt16(payload.count))
      + [number(flow), random.byte()] + random.bytes(16) + flow.destination.bytes
  }

  // RFC 9293, RFC 768, RFC 792, RFC 4443: ports are the first two words, the ICMP type is the first byte.
  private static func transport(_ flow: Flow, _ random: inout Random) -> [UInt8] {
    switch flow.transport {
    case .tcp: random.bytes(2) + word(flow.port) + random.bytes(16)
    case .udp: random.bytes(2) + word(flow.port) + random.bytes(4)
    case .icmp: [flow.destination.family == .ipv4 ? 8 : 128] + random.bytes(7)
    }
  }

  static func number(_ flow: Flow) -> UInt8 {
    switch flow.transport {
    case .tcp: 6
    case .udp: 17
    case .icmp: flow.destination.family == .ipv4 ? 1 : 58
    }
  }

  static func word(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
}

/// A reproducible source of random values (SplitMix64).
struct Random: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next()) }
  mutating func bool() -> Bool { next() & 1 == 0 }
  /// One in `count`.
  mutating func one(in count: UInt64) -> Bool { next() % count == 0 }
  mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

  mutating func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    var pool: UInt64 = 0
    for index in 0..<count {
      if index % 8 == 0 { pool = next() }
      bytes.append(UInt8(truncatingIfNeeded: pool))
      pool >>= 8
    }
    return bytes
  }
}
