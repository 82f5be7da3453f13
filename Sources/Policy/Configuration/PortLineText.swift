/// What the values of `allow-host-port` and `publish` have in common.
struct PortLineText {
  /// What precedes the protocol.
  let ports: ArraySlice<UInt8>
  let transport: TransportProtocol

  /// The protocol is TCP unless `/udp` is behind the ports.
  init(_ value: ArraySlice<UInt8>, of key: String) throws(LineError) {
    if let url = PastedURL(value) {
      throw LineError(
        value.startIndex, "\(text(value)) is a URL", hint: "write \(key) = \(url.port ?? "PORT")")
    }
    if let separator = value.firstIndex(where: { $0.isBlank || ",;\"'".utf8.contains($0) }) {
      throw LineError(
        separator, "\(key) takes one value, without blanks, commas and quotes", hint: "write a line for each")
    }
    let slash = value.firstIndex(of: UInt8(ascii: "/")) ?? value.endIndex
    ports = value[..<slash]
    transport = try Self.transport(value[slash...].dropFirst(), isGiven: slash < value.endIndex)
  }

  private static func transport(
    _ name: ArraySlice<UInt8>, isGiven: Bool
  ) throws(LineError) -> TransportProtocol {
    switch text(name) {
    case "" where !isGiven: return .tcp
    case "tcp": return .tcp
    case "udp": return .udp
    default:
      throw LineError(
        name.startIndex, "a port is of TCP or UDP, not of \"\(text(name))\"",
        hint: Spelling.suggestion(for: text(name), among: ["tcp", "udp"]).map { "did you mean /\($0)?" }
          ?? "write /udp for UDP, or nothing for TCP")
    }
  }
}
