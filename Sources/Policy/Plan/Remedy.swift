/// What to write so that a refused destination is allowed, or why nobody should.
public enum Remedy: Hashable, Sendable {
  /// This line of the configuration, which opens nothing else.
  case line(String)
  /// This line, which opens more; what.
  case widerLine(String, String)
  /// No line can, or none should. Why.
  case warning(String)

  /// The remedy for one refused attempt. Only numbers of it get into the line. `service` is nil for a protocol that no jail
  /// carries; `place` is that of the rule in the configuration, if it is there.
  public init(_ destination: IPAddress, _ service: Service?, _ kind: Origin.Kind, place: String? = nil) {
    let prefix = Prefix(destination)
    if let reason = ImpossibleRule.reason(prefix, .allow) {
      self = .warning(reason.message)
    } else if CloudMetadata.prefixes.contains(where: { $0.contains(destination) }) {
      self = .warning("link-local or cloud metadata, which may hand out this machine's credentials")
    } else if let reason = kind.warning(place) {
      self = .warning(reason)
    } else {
      self.init(destination, service, kind)
    }
  }

  private init(_ destination: IPAddress, _ service: Service?, _ kind: Origin.Kind) {
    let bracketed = destination.family == .ipv6 ? "[\(destination)]" : "\(destination)"
    switch service {
    case .port(let port, _) where kind == .resolver && port == 53:
      self = .warning("a name server of this host: the jail asks it by way of 127.0.0.53")
    case .port(0, _): self = .warning("no service is on port 0")
    case .port(let port, let transport):
      self = .line("allow-ip = \(bracketed):\(port)/\(transport == .udp ? "udp" : "tcp")")
    case .echo: self = .widerLine("allow-ip = \(destination)", "all ports, since echo has no rule of its own")
    case nil: self = .warning("a jail carries TCP, UDP and echo only")
    }
  }

  /// What was asked for at a destination.
  public enum Service: Hashable, Sendable {
    case port(UInt16, TransportProtocol)
    case echo
  }
}

extension Origin.Kind {
  /// Why no line of the configuration is the answer, if none is.
  fileprivate func warning(_ place: String?) -> String? {
    switch self {
    case .builtin, .connectedPrefix, .internalRoute, .rejectRoute, .jailRoute, .resolver, .noIPv6,
      .networkRestricted:
      nil
    case .hostAddress, .localRoute: "an address of this host: what listens there trusts whoever is on it"
    case .guestSubnet: "the jail's own end of the uplink: nothing is there"
    case .nameAddresses: "an address that stands for a name, which decides"
    case .configuration: "\(place ?? "a line of the configuration") closes it: change that line"
    case .internet: "the rules allow it; this packet was of a kind that is not carried"
    case .noInternet: "this host has no way to the internet"
    case .networkNone: "network = none closes everything"
    }
  }
}
