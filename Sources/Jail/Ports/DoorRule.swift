import Linux
import Policy

/// A port on one side of the wall that leads to one on the other.
struct DoorRule: Hashable {
  enum Kind: Hashable {
    /// The jail connects, to a port of its loopback; the service is on the host's.
    case hostPort
    /// The host connects; the server is in the jail. The address that it listens at; nil for loopback, in both families.
    case published(IPAddress?)
  }

  /// Of both families.
  static let loopback = [IPAddress.loopback(.ipv4), .loopback(.ipv6)]

  let kind: Kind
  let transport: InternetSocket.Kind
  /// The host's port; 0 of a published one for any that is free.
  let outside: UInt16
  /// The jail's.
  let inside: UInt16

  /// Where it listens.
  var listeningAddresses: [IPAddress] {
    if case .published(.some(let address)) = kind { [address] } else { Self.loopback }
  }

  var listeningPort: UInt16 { kind == .hostPort ? inside : outside }

  /// The port to connect to.
  var targetPort: UInt16 { kind == .hostPort ? outside : inside }

  /// `5432/tcp`.
  func name(_ port: UInt16) -> String { "\(port)/\(transport == .stream ? "tcp" : "udp")" }

  /// Whether this one listens where the other finds its server: a connection would go round and round.
  func isBehind(_ other: DoorRule) -> Bool {
    kind == .hostPort && other.kind != .hostPort && inside == other.inside && transport == other.transport
  }

  /// What is said of it, wherever it listens.
  var name: String {
    kind == .hostPort ? "allow-host-port \(name(outside))" : "publish \(name(inside))"
  }
}

extension DoorRule {
  init(_ port: PublishedPort) {
    self.init(
      kind: .published(port.address), transport: port.transport == .udp ? .datagram : .stream,
      outside: port.outside, inside: port.inside)
  }

  /// Those of a line.
  static func all(_ ports: HostPorts) -> [DoorRule] {
    ports.outside.enumerated().map { offset, outside in
      DoorRule(
        kind: .hostPort, transport: ports.transport == .udp ? .datagram : .stream, outside: outside,
        inside: ports.inside + UInt16(offset))
    }
  }
}

/// Who asked for a door.
enum DoorOrigin: Hashable, CustomStringConvertible {
  /// A line of the configuration.
  case line(SourceLocation?)
  /// The launch's `--publish`.
  case option
  /// `claude-sandbox publish`.
  case request
  /// `publish = auto`.
  case auto

  var description: String {
    switch self {
    case .line(let place): place.map { "\($0)" } ?? "configuration"
    case .option: "--publish"
    case .request: "claude-sandbox publish"
    case .auto: "auto"
    }
  }
}
