/// What a verdict is about: a destination, a protocol, a port.
public struct Flow: Hashable, Sendable {
  /// Where to.
  public var destination: IPAddress
  /// By which protocol.
  public var transport: TransportProtocol
  /// The destination port; without meaning for echo.
  public var port: UInt16

  /// A flow to the port of a destination.
  public init(destination: IPAddress, transport: TransportProtocol, port: UInt16) {
    self.destination = destination
    self.transport = transport
    self.port = port
  }
}

/// The verdict on a flow, and the rule that gave it.
public struct Decision: Hashable, Sendable {
  /// Whether the flow may leave the jail.
  public let allowed: Bool
  /// The rule that decided.
  public let rule: Rule

  /// A verdict, and the rule that gave it.
  public init(allowed: Bool, rule: Rule) {
    self.allowed = allowed
    self.rule = rule
  }
}
