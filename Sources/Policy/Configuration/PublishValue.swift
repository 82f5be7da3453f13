/// The value of `publish`: `auto`, or `PORT`, `OUTSIDE:PORT`, `ADDRESS:OUTSIDE:PORT`, `[IPV6]:OUTSIDE:PORT`, `/udp` behind it.
enum PublishValue {
  private static let form = "write a port, OUTSIDE:PORT or ADDRESS:OUTSIDE:PORT, as in 127.0.0.1:8080:5173"

  static func read(_ value: ArraySlice<UInt8>) throws(LineError) -> Publication {
    switch text(value) {
    case "auto": return .auto
    case let word where word.lowercased().hasPrefix("auto"):
      throw LineError(value.startIndex, "\"\(word)\" is not a port", hint: "did you mean auto?")
    default: return .port(try port(value))
    }
  }

  static func port(_ value: ArraySlice<UInt8>) throws(LineError) -> PublishedPort {
    let text = try PortLineText(value, of: "publish")
    let (place, ports) = try split(text.ports)
    let address = try place.map(Self.address)
    if let dash = ports.firstIndex(of: UInt8(ascii: "-")) {
      throw LineError(dash, "publish takes one port, not a range", hint: "write a line for each port")
    }
    let colon = ports.firstIndex(of: UInt8(ascii: ":")) ?? ports.endIndex
    let inside = try PortsValue.port(colon < ports.endIndex ? ports[(colon + 1)...] : ports, hint: form)
    let outside =
      if colon == ports.endIndex { inside } else if ports[..<colon].elementsEqual("0".utf8) {
        UInt16(0)
      } else { try PortsValue.port(ports[..<colon], hint: form) }
    return PublishedPort(address, outside: outside, inside: inside, text.transport)
  }

  // The address, if there is one, and one or two ports.
  private static func split(
    _ value: ArraySlice<UInt8>
  ) throws(LineError) -> (address: ArraySlice<UInt8>?, ports: ArraySlice<UInt8>) {
    if value.first == UInt8(ascii: "[") { return try splitBrackets(value) }
    let colons = value.indices.filter { value[$0] == UInt8(ascii: ":") }
    guard let colon = colons.first else { return (nil, value) }
    let place = value[..<colon]
    switch colons.count {
    case 1 where place.contains { !$0.isDigit && $0 != UInt8(ascii: "-") }:
      let port = text(value[(colon + 1)...])
      throw LineError(
        place.startIndex, "an address needs two ports behind it",
        hint: place.elementsEqual("localhost".utf8)
          ? "write publish = \(port)" : "write publish = \(text(place)):\(port):\(port)")
    case 1: return (nil, value)
    case 2: return (place, value[(colon + 1)...])
    default:
      throw LineError(value.startIndex, "an IPv6 address needs brackets", hint: "as in [::1]:8080:5173")
    }
  }

  private static func splitBrackets(
    _ value: ArraySlice<UInt8>
  ) throws(LineError) -> (address: ArraySlice<UInt8>?, ports: ArraySlice<UInt8>) {
    guard let close = value.firstIndex(of: UInt8(ascii: "]")) else {
      throw LineError(value.startIndex, "\"[\" without \"]\"", hint: "as in [::1]:8080:5173")
    }
    let rest = value[(close + 1)...]
    guard rest.first == UInt8(ascii: ":"), rest.dropFirst().contains(UInt8(ascii: ":")) else {
      throw LineError(close + 1, "an address needs two ports behind it", hint: "as in [::1]:8080:5173")
    }
    return (value[(value.startIndex + 1)..<close], rest.dropFirst())
  }

  private static func address(_ place: ArraySlice<UInt8>) throws(LineError) -> IPAddress {
    let address: IPAddress
    do { address = try IPAddress.parse(place) } catch {
      throw LineError(
        place.startIndex,
        error == .malformed ? "\"\(text(place))\" is not an IP address" : "\(text(place)): \(error.problem)",
        hint: place.elementsEqual("localhost".utf8)
          ? "without an address it is this host's loopback" : error.remedy ?? form)
    }
    if let reason = unfit.first(where: { $0.prefix.contains(address) })?.reason {
      throw LineError(place.startIndex, "\(address) is \(reason)", hint: "write an address of this host")
    }
    return address
  }

  // What no listener can have, or what is another address once it has it.
  private static let unfit: [(prefix: Prefix, reason: String)] = [
    (Prefix(containing: IPAddress(family: .ipv6, value: 0xffff << 32), length: 96), "IPv4-mapped"),
    (Prefix(containing: IPAddress(family: .ipv6, value: 0xfe80 << 112), length: 10), "link-local"),
    (Prefix(containing: IPAddress(family: .ipv6, value: 0xff00 << 112), length: 8), "multicast"),
    (Prefix(containing: IPAddress(family: .ipv4, value: 0xe000_0000), length: 3), "no address of a host"),
  ]
}

extension PublishedPort {
  /// A value of `publish`, without `auto`.
  public init(parsing text: String) throws(PortSyntaxError) {
    if text == "auto" {
      throw PortSyntaxError(
        message: "auto is for the configuration alone",
        hint: "write publish = auto in /etc/claude-sandbox.conf, or name a port here")
    }
    let line = ConfigurationLine(Array(text.utf8)[...], number: 1, file: "")
    do {
      try line.checkCharacters()
      self = try PublishValue.port(line.bytes)
    } catch {
      let complaint = line.diagnostic(error)
      throw PortSyntaxError(message: complaint.message, hint: complaint.hint ?? "")
    }
  }
}

/// What is wrong with the text of a port.
public struct PortSyntaxError: Error, Equatable, Sendable {
  /// What is wrong, in one line.
  public let message: String
  /// How to write it.
  public let hint: String
}
