/// What the uplink can carry. ICMP is echo only: type 8 (RFC 792), ICMPv6 type 128 (RFC 4443); pasta carries
/// no other.
public enum TransportProtocol: Sendable, Hashable, CaseIterable {
  case tcp
  case udp
  case icmp
}

/// What a rule opens or closes at its addresses: TCP ports, UDP ports, echo.
public struct Services: Hashable, Sendable {
  /// The TCP ports.
  public var tcp: PortSet
  /// The UDP ports.
  public var udp: PortSet
  /// ICMP or ICMPv6 echo.
  public var echo: Bool

  /// Everything that the uplink can carry.
  public static let all = Services(tcp: .all, udp: .all, echo: true)
  /// Nothing.
  public static let none = Services(tcp: .none, udp: .none, echo: false)

  /// The given ports, and echo or not.
  public init(tcp: PortSet, udp: PortSet, echo: Bool) {
    self.tcp = tcp
    self.udp = udp
    self.echo = echo
  }

  /// Whether nothing is left.
  public var isEmpty: Bool { !echo && tcp.isEmpty && udp.isEmpty }

  /// Whether the port of the protocol is among them; echo has no port.
  public func contains(_ transport: TransportProtocol, port: UInt16) -> Bool {
    switch transport {
    case .tcp: tcp.contains(port)
    case .udp: udp.contains(port)
    case .icmp: echo
    }
  }

  /// What is in either.
  public func union(_ other: Services) -> Services {
    Services(tcp: tcp.union(other.tcp), udp: udp.union(other.udp), echo: echo || other.echo)
  }

  /// What is in this one and not in the other.
  public func subtracting(_ other: Services) -> Services {
    Services(
      tcp: tcp.subtracting(other.tcp), udp: udp.subtracting(other.udp), echo: echo && !other.echo)
  }
}

extension Services: CustomStringConvertible {
  /// `all`, `nothing`, or the ports as the configuration spells them: `53/udp 443/tcp echo`.
  public var description: String {
    if self == .all { return "all" }
    var parts: [String] = []
    if tcp == udp, !tcp.isEmpty {
      parts.append("\(tcp)")
    } else {
      if !tcp.isEmpty { parts.append("\(tcp)/tcp") }
      if !udp.isEmpty { parts.append("\(udp)/udp") }
    }
    if echo { parts.append("echo") }
    return parts.isEmpty ? "nothing" : parts.joined(separator: " ")
  }
}
