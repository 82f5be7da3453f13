/// `allow-host-port`: services on the host's loopback that the jail finds on its own.
public struct HostPorts: Hashable, Sendable {
  /// The host's ports.
  public let outside: ClosedRange<UInt16>
  /// The first of as many ports in the jail; both ends of the range are ports.
  public let inside: UInt16
  /// TCP or UDP.
  public let transport: TransportProtocol

  /// As many ports as `outside` has, from `inside` on.
  public init(_ outside: ClosedRange<UInt16>, inside: UInt16, _ transport: TransportProtocol) {
    self.outside = outside
    self.inside = inside
    self.transport = transport
  }

  /// The host's port that one of the jail's leads to; nil for a port outside the range.
  public func outside(of inside: UInt16) -> UInt16? {
    let step = Int(inside) - Int(self.inside)
    return (0..<outside.count).contains(step) ? outside.lowerBound + UInt16(step) : nil
  }
}

extension HostPorts: CustomStringConvertible {
  /// As `allow-host-port` spells it: `5432`, `5432:15432`, `8000-8009:9000-9009/udp`.
  public var description: String {
    let last = inside + (outside.upperBound - outside.lowerBound)
    let ports = [outside] + (outside.lowerBound == inside ? [] : [inside...last])
    return ports.map { PortSet([$0]).description }.joined(separator: ":") + transport.behindPorts
  }
}

/// `publish`: a port of the jail that is to be reached from the host.
public struct PublishedPort: Hashable, Sendable {
  /// Where the host listens; nil for loopback, in both families.
  public let address: IPAddress?
  /// The host's port; 0 for any that is free.
  public let outside: UInt16
  /// The jail's.
  public let inside: UInt16
  /// TCP or UDP.
  public let transport: TransportProtocol

  /// A port of the jail's, and where the host listens for it.
  public init(_ address: IPAddress?, outside: UInt16, inside: UInt16, _ transport: TransportProtocol) {
    self.address = address
    self.outside = outside
    self.inside = inside
    self.transport = transport
  }

  /// Whether only this host reaches it.
  public var isOnLoopback: Bool { address?.isLoopback ?? true }
}

extension PublishedPort: CustomStringConvertible {
  /// As `publish` spells it: `5173`, `8080:5173`, `127.0.0.1:0:5173/udp`.
  public var description: String {
    let ports = address == nil && outside == inside ? "\(inside)" : "\(outside):\(inside)"
    let place = address.map { $0.family == .ipv6 ? "[\($0)]:" : "\($0):" } ?? ""
    return place + ports + transport.behindPorts
  }
}

extension TransportProtocol {
  /// What is behind the ports of a door: TCP is not said.
  fileprivate var behindPorts: String { self == .udp ? "/udp" : "" }
}

/// What a line with `publish` says.
public enum Publication: Hashable, Sendable {
  case port(PublishedPort)
  /// Whatever the jail listens on.
  case auto
}

extension Publication: CustomStringConvertible {
  /// As `publish` spells it.
  public var description: String {
    switch self {
    case .port(let port): "\(port)"
    case .auto: "auto"
    }
  }
}
