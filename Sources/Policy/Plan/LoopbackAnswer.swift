/// What a jail finds at its own loopback, which is not the host's: of the host's ports only those that lines lead to.
public struct LoopbackAnswer: Sendable, Hashable {
  /// What of it: `:5432/tcp`, ` echo`, or nothing for all else.
  public let service: String
  /// The line that the ports are in; nil if there is none.
  public let line: Sourced<PortLine>?
  /// Whether the host's service is there.
  public let isOfHost: Bool
  /// Why, for people.
  public let because: String
}

extension HostPorts {
  /// What programs in containers call the host: in a jail that has ports of it, the jail's own loopback.
  public static let hostNames = ["host.docker.internal", "host.containers.internal"].compactMap {
    DomainName($0)
  }
}

extension DestinationQuery {
  /// Whether it is about the host, by a name that this has in containers.
  public var isHostByName: Bool { DomainName(host).map(HostPorts.hostNames.contains) ?? false }

  /// Whether it is about loopback, by an address or a name (RFC 6761).
  public var isLoopback: Bool {
    IPAddress(host).map(\.isLoopback) ?? (DomainName(host)?.labels.last == "localhost")
  }

  /// The answers about a port of loopback, or about all of it. A port without a protocol means those that lines are about.
  public func loopbackAnswers(_ configuration: Configuration) -> [LoopbackAnswer] {
    // At the other addresses nobody listens for the host.
    let hasPorts = transport != .icmp && IPAddress(host).map { $0 == .loopback($0.family) } ?? true
    var answers = hasPorts ? lines(of: configuration).map(answer) : []
    if answers.isEmpty || port == nil { answers.append(rest(hasPorts: hasPorts)) }
    return answers
  }

  /// The lines about what is asked; of a port, for each protocol the one that says most.
  private func lines(of configuration: Configuration) -> [Sourced<PortLine>] {
    let lines = configuration.portLines.filter { line in
      (transport ?? line.value.transport) == line.value.transport
        && port.map { line.value.inside.contains($0) || line.value.publishedAt == $0 } ?? true
    }
    guard let port else { return lines }
    return TransportProtocol.allCases.compactMap { transport in
      let lines = lines.filter { $0.value.transport == transport }
      return lines.first { $0.value != .auto && $0.value.inside.contains(port) } ?? lines.first
    }
  }

  private func answer(_ line: Sourced<PortLine>) -> LoopbackAnswer {
    let because = (line.location.map { "\($0): " } ?? "") + "\(line.value): "
    switch line.value {
    case .hostPorts(let ports):
      let outside = port.flatMap(ports.outside).map { $0...$0 } ?? ports.outside
      let what = outside.count == 1 ? "port \(outside.lowerBound)" : "ports \(PortSet([outside]))"
      return LoopbackAnswer(
        service: service(of: line.value), line: line, isOfHost: true, because: because + "this host's \(what)"
      )
    case .published(let published) where port == nil || port == published.inside:
      let outside = published.outside == 0 ? "a free port" : "port \(published.outside)"
      return LoopbackAnswer(
        service: service(of: line.value), line: line, isOfHost: false,
        because: because + "the jail's own, which this host finds at \(outside)")
    case .published(let published):
      return LoopbackAnswer(
        service: service(of: line.value), line: line, isOfHost: false,
        because: because + "the jail's own; this host's is the jail's port \(published.inside)")
    case .auto:
      return LoopbackAnswer(
        service: service(of: line.value), line: line, isOfHost: false,
        because: because + "the jail's own, which this host finds at the same port or the next free one")
    }
  }

  private func rest(hasPorts: Bool) -> LoopbackAnswer {
    let own = "in a jail this is the jail's own"
    let name = transport == .udp ? "/udp" : transport == .tcp ? "/tcp" : ""
    let value = (port.map { "\($0)" } ?? "PORT") + (transport == .udp ? "/udp" : "")
    return LoopbackAnswer(
      service: transport == .icmp ? " echo" : port.map { ":\($0)\(name)" } ?? name, line: nil,
      isOfHost: false,
      because: hasPorts
        ? "\(own); for this host's write allow-host-port = \(value)" : "\(own); the host's is not there")
  }

  private func service(of line: PortLine) -> String {
    let ports = port.map { $0...$0 } ?? line.inside
    return ":\(PortSet([ports]))/\(line.transport == .udp ? "udp" : "tcp")"
  }
}

extension PortLine {
  /// The host's port that leads into the jail; nil if it is any that is free, or there is none.
  fileprivate var publishedAt: UInt16? {
    guard case .published(let port) = self, port.outside > 0 else { return nil }
    return port.outside
  }
}
