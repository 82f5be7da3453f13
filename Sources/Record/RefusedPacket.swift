public import Policy

/// What a process of the jail tried, and was refused.
public struct RefusedPacket: Sendable, Hashable {
  /// Where to.
  public let destination: IPAddress
  /// The protocol's number in the IP header (RFC 790: 1 ICMP, 6 TCP, 17 UDP, 58 ICMPv6).
  public let protocolNumber: UInt8
  /// The destination port; nil where the protocol has none.
  public let port: UInt16?
  /// Who sent it.
  public let sender: Sender

  /// A packet that was refused.
  public init(destination: IPAddress, protocolNumber: UInt8, port: UInt16?, sender: Sender) {
    self.destination = destination
    self.protocolNumber = protocolNumber
    self.port = port
    self.sender = sender
  }

  /// Who sent a packet, as far as it was found out before the answer.
  public enum Sender: Sendable, Hashable {
    /// The process, and its parents up to the command: nearest first.
    case process(Program, parents: [Program])
    /// The socket was closed, or its process had ended.
    case gone
    /// Nobody looked: too many were refused at once.
    case unknown
  }

  /// A process by number and name.
  public struct Program: Sendable, Hashable {
    /// The process's number, as the host counts.
    public let process: Int32
    /// The name that it gives itself (/proc/PID/comm, at most 15 bytes, hostile).
    public let name: String

    /// A process and its name.
    public init(process: Int32, name: String) {
      self.process = process
      self.name = name
    }
  }
}
