/// A line that opens ports: out of the jail, or into it.
public enum PortLine: Hashable, Sendable {
  case hostPorts(HostPorts)
  case published(PublishedPort)
}

extension PortLine: CustomStringConvertible {
  /// As the configuration spells it.
  public var description: String {
    switch self {
    case .hostPorts(let ports): "allow-host-port = \(ports)"
    case .published(let port): "publish = \(port)"
    }
  }
}

/// Why two lines cannot be in one jail. Whatever is the same twice is no collision.
public enum PortCollision: Hashable, Sendable {
  /// One port of the jail would lead to two of the host's.
  case twoBehind(inside: UInt16)
  /// One port of the host would be listened at twice.
  case twoInFront(outside: UInt16)
  /// A port that leads to the host would be published: a loop, where it leads to the port that it is published at.
  case loop(inside: UInt16)
}

extension PortCollision: CustomStringConvertible {
  /// What is wrong.
  public var description: String {
    switch self {
    case .twoBehind(let inside): "the jail's port \(inside) cannot lead to two ports of the host"
    case .twoInFront(let outside): "the host's port \(outside) cannot be published at twice"
    case .loop(let inside): "the jail's port \(inside) cannot lead to the host and be published"
    }
  }
}

extension PortLine {
  /// Why both cannot be in one jail; nil if they can.
  public func collision(with other: PortLine) -> PortCollision? {
    switch (self, other) {
    case (.hostPorts(let one), .hostPorts(let another)): one.collision(with: another)
    case (.published(let one), .published(let another)): one.collision(with: another)
    case (.hostPorts(let ports), .published(let port)), (.published(let port), .hostPorts(let ports)):
      ports.transport == port.transport && ports.outside(of: port.inside) != nil
        ? .loop(inside: port.inside) : nil
    }
  }
}

extension HostPorts {
  fileprivate func collision(with other: HostPorts) -> PortCollision? {
    let low = max(inside, other.inside)
    // Where two ranges overlap, they lead to the same ports or to others in all of the overlap.
    guard transport == other.transport, let one = outside(of: low), let another = other.outside(of: low),
      one != another
    else { return nil }
    return .twoBehind(inside: low)
  }
}

extension PublishedPort {
  fileprivate func collision(with other: PublishedPort) -> PortCollision? {
    guard self != other, transport == other.transport, outside == other.outside, outside > 0,
      places.contains(where: { place in other.places.contains(where: place.overlaps) })
    else { return nil }
    return .twoInFront(outside: outside)
  }

  // The addresses that are listened at.
  private var places: [Prefix] {
    guard let address else { return Family.allCases.map { Prefix(.loopback($0)) } }
    return [address.value == 0 ? .everything(address.family) : Prefix(address)]
  }
}

extension Configuration {
  /// The most ports of the host that one jail can have, and the most of its own that it can publish: each has a listener.
  public static let (mostHostPorts, mostPublishedPorts) = (256, 64)

  /// The lines that open ports, without `publish = auto`.
  public var portLines: [Sourced<PortLine>] {
    hostPorts.map { Sourced(.hostPorts($0.value), at: $0.location) } + publishedPorts
  }

  /// The line that cannot stand beside this one, and why; nil if there is none.
  public func collision(with line: PortLine) -> (line: Sourced<PortLine>, reason: PortCollision)? {
    for other in portLines {
      if let reason = line.collision(with: other.value) { return (other, reason) }
    }
    return nil
  }

  private var publishedPorts: [Sourced<PortLine>] {
    publications.compactMap { line in
      guard case .port(let port) = line.value else { return nil }
      return Sourced(.published(port), at: line.location)
    }
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
      guard publishedPorts.count < Self.mostPublishedPorts else {
        throw PortLineError(
          message: "a jail can publish at most \(Self.mostPublishedPorts) ports",
          hint: "publish = auto publishes what it listens on")
      }
      publications.append(Sourced(.port(port), at: line.location))
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
