/// A line that opens ports: out of the jail, or into it.
public enum PortLine: Hashable, Sendable {
  case hostPorts(HostPorts)
  case published(PublishedPort)
  /// `publish = auto`.
  case auto
}

extension PortLine {
  /// The key of the configuration.
  public var key: String { if case .hostPorts = self { "allow-host-port" } else { "publish" } }

  /// What it is of; `auto` is of TCP.
  public var transport: TransportProtocol {
    switch self {
    case .hostPorts(let ports): ports.transport
    case .published(let port): port.transport
    case .auto: .tcp
    }
  }

  /// The jail's ports.
  public var inside: ClosedRange<UInt16> {
    switch self {
    case .hostPorts(let ports): ports.inside...(ports.inside + UInt16(ports.outside.count - 1))
    case .published(let port): port.inside...port.inside
    case .auto: 1024...UInt16.max
    }
  }
}

extension PortLine: CustomStringConvertible {
  /// As the configuration spells it.
  public var description: String { "\(key) = \(value)" }

  /// The value of the key.
  public var value: String {
    switch self {
    case .hostPorts(let ports): "\(ports)"
    case .published(let port): "\(port)"
    case .auto: "auto"
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
    case (.auto, _), (_, .auto): nil
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
