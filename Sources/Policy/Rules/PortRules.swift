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
}

/// What a line with `publish` says.
public enum Publication: Hashable, Sendable {
  case port(PublishedPort)
  /// Whatever the jail listens on.
  case auto
}

extension PublishedPort {
  /// Whether only this machine reaches it.
  public var isOnLoopback: Bool {
    guard let address else { return true }
    return address.family == .ipv4 ? address.bytes[0] == 127 : address.value == 1
  }
}

extension PublishedPort: CustomStringConvertible {
  /// As `publish` spells it: `5173`, `8080:5173`, `127.0.0.1:0:5173/udp`.
  public var description: String {
    let ports = address == nil && outside == inside ? "\(inside)" : "\(outside):\(inside)"
    let place = address.map { $0.family == .ipv6 ? "[\($0)]:" : "\($0):" } ?? ""
    return place + ports + (transport == .udp ? "/udp" : "")
  }
}

extension PublishedPort {
  /// A value of `publish`, without `auto`.
  public init(parsing text: String) throws(PortSyntaxError) { throw PortSyntaxError(message: "", hint: "") }
}

/// What is wrong with the text of a port.
public struct PortSyntaxError: Error, Equatable, Sendable {
  /// What is wrong, in one line.
  public let message: String
  /// How to write it.
  public let hint: String
}
