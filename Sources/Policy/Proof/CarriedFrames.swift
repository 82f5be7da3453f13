/// The frames that carry flows of one family and transport: the only ones about which the rules are asked.
///
/// Every other frame must be dropped: other EtherTypes, IPv4 with options or in fragments, IPv6 with
/// extension headers, other protocols, ICMP other than echo requests.
struct CarriedFrames: Sendable {
  let family: Family
  let transport: TransportProtocol
  /// What makes a frame one of these; the shapes are disjoint.
  let shape: [(field: FrameField, values: ValueSet)]
  /// The words of the destination, most significant first.
  let destination: [FrameField]
  /// The destination port; without meaning for echo.
  let port: FrameField

  /// All six.
  static let all = Family.allCases.flatMap { family in
    TransportProtocol.allCases.map { CarriedFrames(family, $0) }
  }

  private init(_ family: Family, _ transport: TransportProtocol) {
    self.family = family
    self.transport = transport
    let echo: (field: FrameField, values: ValueSet)
    var shape: [(field: FrameField, values: ValueSet)]
    switch family {
    case .ipv4:
      let number: UInt32 = transport == .tcp ? 6 : transport == .udp ? 17 : 1
      shape = [
        (.etherType, ValueSet(0x0800)),
        // Version 4, a header of five words: no options.
        (.version, ValueSet(0x45)),
        // No fragment: of the flags none, or "don't fragment" (RFC 791); the offset is 0.
        (.fragments, ValueSet(ascending: [.init(first: 0, last: 0), .init(first: 0x4000, last: 0x4000)])),
        (.protocol4, ValueSet(number)),
      ]
      // Echo request, RFC 792.
      echo = (.echoType4, ValueSet(8))
      destination = [.destination4]
      port = .port4
    case .ipv6:
      let number: UInt32 = transport == .tcp ? 6 : transport == .udp ? 17 : 58
      shape = [
        (.etherType, ValueSet(0x86dd)),
        // Version 6, any traffic class.
        (.version, ValueSet(0x60, 0x6f)),
        // The next header is the protocol's, so there is no extension header; any hop limit.
        (.fragments, ValueSet(number << 8, number << 8 | 0xff)),
      ]
      // Echo request, RFC 4443.
      echo = (.echoType6, ValueSet(128))
      destination = [.destination6a, .destination6b, .destination6c, .destination6d]
      port = .port6
    }
    if transport == .icmp { shape.append(echo) }
    self.shape = shape
  }

  /// The part of a box that has this shape; nil when there is none.
  func part(of box: FrameBox) -> FrameBox? {
    var part = box
    for (field, values) in shape {
      let inside = part[field].intersection(values)
      if inside.isEmpty { return nil }
      part[field] = inside
    }
    return part
  }

  /// A part of a box that has none of the shapes; nil when each of its frames has one.
  static func outside(_ box: FrameBox, _ shapes: ArraySlice<CarriedFrames> = all[...]) -> FrameBox? {
    guard let first = shapes.first else { return box }
    var inside = box
    for (field, values) in first.shape {
      let rest = inside[field].subtracting(values)
      if !rest.isEmpty {
        var other = inside
        other[field] = rest
        if let found = outside(other, shapes.dropFirst()) { return found }
      }
      inside[field] = inside[field].intersection(values)
      if inside[field].isEmpty { return nil }
    }
    return nil
  }
}
