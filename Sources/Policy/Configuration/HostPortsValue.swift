/// The value of `allow-host-port`: `PORTS` or `PORTS:INSIDE`, `/udp` behind it; PORTS and INSIDE are one port each, or ranges of as
/// many.
enum HostPortsValue {
  private static let form = "write a port, FIRST-LAST, or OUTSIDE:INSIDE, as in 5432:15432"

  static func read(_ value: ArraySlice<UInt8>) throws(LineError) -> HostPorts {
    let text = try PortLineText(value, of: "allow-host-port")
    try refuseAddress(text.ports)
    let colon = text.ports.firstIndex(of: UInt8(ascii: ":")) ?? text.ports.endIndex
    let outside = try PortsValue.range(text.ports[..<colon], hint: form)
    guard colon < text.ports.endIndex else {
      return HostPorts(outside, inside: outside.lowerBound, text.transport)
    }
    let inside = try PortsValue.range(text.ports[(colon + 1)...], hint: form)
    guard inside.count == outside.count else {
      throw LineError(
        colon + 1, "\(outside.count) and \(inside.count) are not as many ports",
        hint: "write OUTSIDE:INSIDE with ranges of the same length, as in 8000-8009:9000-9009")
    }
    return HostPorts(outside, inside: inside.lowerBound, text.transport)
  }

  // An address or a name in front of a port.
  private static func refuseAddress(_ ports: ArraySlice<UInt8>) throws(LineError) {
    let isIPv6 = ports.first == UInt8(ascii: "[")
    let end =
      isIPv6
      ? ports.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 } : ports.firstIndex(of: UInt8(ascii: ":"))
    guard let end, !ports[..<end].allSatisfy({ $0.isDigit || $0 == UInt8(ascii: "-") }) else { return }
    let place = text(isIPv6 ? ports[..<end].dropFirst().dropLast() : ports[..<end])
    let address = IPAddress(place)
    let hint =
      if let address, !address.isLoopback { "for another host write allow-ip = \(text(ports))" } else {
        "write allow-host-port = \(text(ports[end...].dropFirst()))"
      }
    throw LineError(
      ports.startIndex, "allow-host-port takes ports, which are those of this host's loopback", hint: hint)
  }
}
