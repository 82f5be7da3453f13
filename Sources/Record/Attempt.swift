public import Policy

/// What was attempted: the same for every packet of it. Its number is all of a protocol that has no name here.
public struct Attempt: Hashable, Sendable {
  public let destination: IPAddress
  public let protocolNumber: UInt8
  public let port: UInt16?

  /// Of a packet.
  public init(_ packet: RefusedPacket) {
    destination = packet.destination
    protocolNumber = packet.protocolNumber
    port = packet.port
  }

  /// As a line tells it; nil if it is not one about a destination, or was not written by this program.
  public init?(_ line: RecordLine) {
    guard line.event == .refused, let destination = line.destination.flatMap({ IPAddress($0) }),
      let number = line.protocol.flatMap(Self.number)
    else { return nil }
    self.destination = destination
    protocolNumber = number
    port = line.port
  }

  /// The protocol's name, or its number.
  public var protocolName: String {
    switch protocolNumber {
    case 6: "tcp"
    case 17: "udp"
    case 1, 58: "icmp"
    default: "\(protocolNumber)"
    }
  }

  private static func number(_ name: String) -> UInt8? {
    switch name {
    case "tcp": 6
    case "udp": 17
    case "icmp": 1
    default: UInt8(name)
    }
  }

  /// For the rules; nil where no jail carries it.
  public var service: Remedy.Service? {
    switch (protocolNumber, port) {
    case (6, let port?): .port(port, .tcp)
    case (17, let port?): .port(port, .udp)
    case (1, _), (58, _): .echo
    default: nil
    }
  }

  /// What the rules decide about; of an unknown protocol, whatever they say of the whole address.
  public var flow: Flow {
    switch service {
    case .port(let port, let transport): Flow(destination: destination, transport: transport, port: port)
    case .echo, nil: Flow(destination: destination, transport: .icmp, port: 0)
    }
  }
}

extension Attempt: CustomStringConvertible {
  /// `10.1.2.3:443/tcp`, `[fd00::1]:53/udp`, `10.1.2.3/icmp`.
  public var description: String {
    guard let port else { return "\(destination)/\(protocolName)" }
    let host = destination.family == .ipv6 ? "[\(destination)]" : "\(destination)"
    return "\(host):\(port)/\(protocolName)"
  }
}

extension RecordLine {
  /// A line about so many attempts of one program at one destination.
  public static func refused(
    _ packet: RefusedPacket, count: Int, name: String?, decision: Decision, time: Timestamp, jail: Int32
  ) -> RecordLine {
    let attempt = Attempt(packet)
    var line = RecordLine(.refused, time: time, jail: jail)
    line.destination = "\(attempt.destination)"
    line.port = attempt.port
    line.protocol = attempt.protocolName
    line.process = Sender(packet.sender)
    line.name = name
    line.rule = Rule(decision)
    line.count = count
    return line
  }
}

extension RecordLine.Sender {
  /// Only so many parents: the command can have any number.
  private static let mostParents = 16

  init(_ sender: RefusedPacket.Sender) {
    func program(_ program: RefusedPacket.Program) -> RecordLine.Program {
      RecordLine.Program(pid: program.process, name: program.name)
    }
    switch sender {
    case .process(let own, let parents):
      self = .process(program(own), parents: parents.prefix(Self.mostParents).map(program))
    case .gone: self = .gone
    case .unknown: self = .unknown
    }
  }

  /// The program's name, if it is known.
  public var name: String? {
    if case .process(let program, _) = self { program.name } else { nil }
  }
}

extension RecordLine.Rule {
  /// A rule about names, which closes them.
  public init(prefix: String, origin: Origin) {
    self.prefix = prefix
    because = "\(origin)"
    kind = origin.kind.rawValue
    (file, line) = origin.location.map { ($0.file, $0.line) } ?? (nil, nil)
  }

  /// The rule of a decision.
  public init(_ decision: Decision) {
    let origin = decision.rule.origin
    prefix = "\(decision.rule.prefix)"
    because = "\(origin)"
    // What the rules allow was refused for what it is.
    kind = (decision.allowed ? Origin.Kind.internet : origin.kind).rawValue
    (file, line) = origin.location.map { ($0.file, $0.line) } ?? (nil, nil)
  }

  /// What to write, for an attempt that this rule refused.
  public func remedy(for attempt: Attempt) -> Remedy {
    let place = file.map { "\($0.visible()):\(line ?? 0)" }
    return Remedy(
      attempt.destination, attempt.service, Origin.Kind(rawValue: kind) ?? .builtin, place: place)
  }
}
