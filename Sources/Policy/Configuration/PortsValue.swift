/// The ports of a rule: `443`, `5064,5065/udp`, `8000-8999/tcp`.
enum PortsValue {
  /// TCP and UDP ports, or those of the one protocol that is named.
  static func parse(_ value: ArraySlice<UInt8>) throws(LineError) -> Services {
    let slash = value.firstIndex(of: UInt8(ascii: "/")) ?? value.endIndex
    let ports = try set(value[..<slash])
    guard slash < value.endIndex else { return Services(tcp: ports, udp: ports, echo: false) }
    let name = text(value[(slash + 1)...])
    switch name {
    case "tcp": return Services(tcp: ports, udp: .none, echo: false)
    case "udp": return Services(tcp: .none, udp: ports, echo: false)
    default: throw unknownProtocol(name, at: slash + 1)
    }
  }

  /// The ports of a list.
  static func set(_ list: ArraySlice<UInt8>) throws(LineError) -> PortSet {
    var ranges: [ClosedRange<UInt16>] = []
    for item in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      ranges.append(try range(item, hint: "ports are numbers from 1 to 65535, as in 80,443,8000-8999"))
    }
    return PortSet(ranges)
  }

  /// One port, or a range; the hint says how ports are written where it stands.
  static func range(_ item: ArraySlice<UInt8>, hint: String) throws(LineError) -> ClosedRange<UInt16> {
    guard let dash = item.firstIndex(of: UInt8(ascii: "-")) else {
      let port = try port(item, hint: hint)
      return port...port
    }
    let low = try port(item[..<dash], hint: hint)
    let high = try port(item[(dash + 1)...], hint: hint)
    guard low <= high else {
      throw LineError(item.startIndex, "the range \(low)-\(high) is empty", hint: "write \(high)-\(low)")
    }
    return low...high
  }

  /// One port.
  static func port(_ item: ArraySlice<UInt8>, hint: String) throws(LineError) -> UInt16 {
    guard let number = decimal(item, maximum: 65535), number > 0 else {
      let problem = item.isEmpty ? "a port is missing" : "\"\(text(item))\" is not a port"
      throw LineError(
        item.startIndex, problem,
        hint: WellKnownPort.number(text(item)).map { "write \($0)" } ?? hint)
    }
    return UInt16(number)
  }

  private static func unknownProtocol(_ name: String, at offset: Int) -> LineError {
    if name.contains(",") {
      return LineError(
        offset, "the protocol comes after the last port and applies to all of them",
        hint: "write a line for each protocol")
    }
    if name.lowercased().hasPrefix("icmp") {
      return LineError(
        offset, "ICMP has no ports", hint: "a rule without ports includes echo (ping)")
    }
    return LineError(
      offset, "the uplink does not carry the protocol \"\(name)\"",
      hint: Spelling.suggestion(for: name, among: ["tcp", "udp"]).map { "did you mean /\($0)?" }
        ?? "write /tcp, /udp, or nothing for both")
  }
}
