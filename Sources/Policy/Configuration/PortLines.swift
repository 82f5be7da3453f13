extension Configuration {
  /// The most ports of the host that one jail can have, and the most of its own that it can publish: each has a listener.
  public static let (mostHostPorts, mostPublishedPorts) = (256, 64)

  /// The lines that open ports: first those that lead out.
  public var portLines: [Sourced<PortLine>] {
    hostPorts.map { Sourced(.hostPorts($0.value), at: $0.location) }
      + publications.map { line in
        switch line.value {
        case .port(let port): Sourced(.published(port), at: line.location)
        case .auto: Sourced(.auto, at: line.location)
        }
      }
  }

  /// The line that cannot stand beside this one, and why; nil if there is none.
  public func collision(with line: PortLine) -> (line: Sourced<PortLine>, reason: PortCollision)? {
    for other in portLines {
      if let reason = line.collision(with: other.value) { return (other, reason) }
    }
    return nil
  }

  /// Adds a line, unless it is one too many or another cannot stand beside it: then its complaint is thrown.
  public mutating func add(_ line: Sourced<PortLine>) throws(PortLineError) {
    if let (other, reason) = collision(with: line.value) {
      throw PortLineError(
        message: "\(reason): \(other.location.map { "\($0): " } ?? "")\(other.value)",
        hint: "change or remove one of the two lines")
    }
    switch line.value {
    case .hostPorts(let ports):
      let count = hostPorts.reduce(ports.outside.count) { $0 + $1.value.outside.count }
      guard count <= Self.mostHostPorts else {
        throw PortLineError(
          message: "a jail can have at most \(Self.mostHostPorts) ports of the host",
          hint: "with this line there would be \(count)")
      }
      hostPorts.append(Sourced(ports, at: line.location))
    case .published(let port):
      guard publications.count(where: { $0.value != .auto }) < Self.mostPublishedPorts else {
        throw PortLineError(
          message: "a jail can publish at most \(Self.mostPublishedPorts) ports",
          hint: "publish = auto publishes what it listens on")
      }
      publications.append(Sourced(.port(port), at: line.location))
    case .auto: publications.append(Sourced(.auto, at: line.location))
    }
  }
}

/// Why a line is not taken.
public struct PortLineError: Error {
  /// What is wrong, in one line.
  public let message: String
  /// How to put it right.
  public let hint: String
}
