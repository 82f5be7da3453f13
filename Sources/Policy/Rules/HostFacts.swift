/// What only the host can tell, as rtnetlink(7) reports it. Raw facts: the plan draws the conclusions.
public struct HostFacts: Sendable, Equatable {
  /// An address of the host.
  ///
  /// On a point-to-point link the own address (IFA_LOCAL, full length) and the peer's prefix (IFA_ADDRESS)
  /// are two entries.
  public struct Address: Sendable, Hashable {
    /// The address, host bits included.
    public var address: IPAddress
    /// The length of the prefix that is on-link.
    public var prefixLength: Int
    /// The name of its link.
    public var link: String

    /// An address on a link.
    public init(address: IPAddress, prefixLength: Int, link: String) {
      self.address = address
      self.prefixLength = prefixLength
      self.link = link
    }
  }

  /// Where a route leaves: a link, and the gateway on it if there is one.
  public struct NextHop: Sendable, Hashable {
    /// The name of the link.
    public var link: String
    /// The gateway; nil when the destination is on-link.
    public var gateway: IPAddress?

    /// A way out of the host.
    public init(link: String, gateway: IPAddress?) {
      self.link = link
      self.gateway = gateway
    }
  }

  /// The type of a route (rtm_type).
  public enum RouteKind: Sendable, Hashable {
    /// RTN_UNICAST: the host forwards.
    case unicast
    /// RTN_LOCAL: the host itself answers.
    case local
    /// RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT: the administrator refuses it.
    case reject
    /// Any other, such as throw, broadcast, multicast: says nothing about the destination.
    case other
  }

  /// A route, in a table that the host's rules use.
  public struct Route: Sendable, Hashable {
    /// The destination; length 0 is a default route.
    public var destination: Prefix
    /// The routing table.
    public var table: UInt32
    /// The type.
    public var kind: RouteKind
    /// Every next hop; none when it is unknown, which counts as internal.
    public var nextHops: [NextHop]

    /// A route.
    public init(destination: Prefix, table: UInt32, kind: RouteKind, nextHops: [NextHop]) {
      self.destination = destination
      self.table = table
      self.kind = kind
      self.nextHops = nextHops
    }
  }

  /// A DNS server that the host asks.
  public struct Resolver: Sendable, Hashable {
    /// Its address.
    public var address: IPAddress
    /// The link of a link-local address.
    public var link: String?

    /// A DNS server.
    public init(address: IPAddress, link: String? = nil) {
      self.address = address
      self.link = link
    }
  }

  /// Every address of every link, loopback included.
  public var addresses: [Address]
  /// Every route of every table that the host's rules use.
  public var routes: [Route]
  /// How the kernel would reach public IPv4 addresses; empty when it could not.
  public var ipv4InternetPaths: [NextHop]
  /// How the kernel would reach public IPv6 addresses; empty when it could not.
  public var ipv6InternetPaths: [NextHop]
  /// The DNS servers that the host asks.
  public var resolvers: [Resolver]

  /// Facts about a host; by default one without any network.
  public init(
    addresses: [Address] = [], routes: [Route] = [], ipv4InternetPaths: [NextHop] = [],
    ipv6InternetPaths: [NextHop] = [], resolvers: [Resolver] = []
  ) {
    self.addresses = addresses
    self.routes = routes
    self.ipv4InternetPaths = ipv4InternetPaths
    self.ipv6InternetPaths = ipv6InternetPaths
    self.resolvers = resolvers
  }

  /// How the kernel would reach public addresses of a family.
  public func internetPaths(_ family: Family) -> [NextHop] {
    switch family {
    case .ipv4: ipv4InternetPaths
    case .ipv6: ipv6InternetPaths
    }
  }
}
