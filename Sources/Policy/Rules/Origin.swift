/// Who made a rule.
public enum Origin: Hashable, Sendable {
  /// The product: internal whatever the host looks like; the reason and its RFC.
  case builtin(String)
  /// An address of the host itself.
  case hostAddress(link: String)
  /// A prefix that a link of the host is connected to.
  case connectedPrefix(link: String)
  /// A prefix that the host answers for as a whole (a route of type local, "AnyIP").
  case localRoute(link: String, table: UInt32)
  /// A route of the host that does not leave the way the internet does.
  case internalRoute(link: String, gateway: IPAddress?, table: UInt32)
  /// A route of the host that refuses its destination.
  case rejectRoute(table: UInt32)
  /// A route of the jail that is asked in: why it is there, only its host can tell.
  case jailRoute
  /// A name server of this host.
  case resolver
  /// The jail's own side of the uplink: the guest's and the gateway's synthetic addresses.
  case guestSubnet
  /// The addresses that stand for names, and those of the link to them.
  case nameAddresses
  /// A line of the configuration, and its key.
  case configuration(SourceLocation, key: String)
  /// The base of a family: the internet is reachable.
  case internet
  /// The base of a family: the host has no way to the internet.
  case noInternet
  /// The base of IPv6: the jail has none, because nothing needed it when it started.
  case noIPv6
  /// The base of a family: `network = none`.
  case networkNone
  /// The base of a family: `network = restricted`.
  case networkRestricted

  /// What sort of reason it is: a word for programs, in records too, so it stays as it is.
  public enum Kind: String, Sendable, CaseIterable {
    case builtin
    case hostAddress = "host-address"
    case connectedPrefix = "connected-prefix"
    case localRoute = "local-route"
    case internalRoute = "internal-route"
    case rejectRoute = "reject-route"
    case jailRoute = "jail-route"
    case resolver
    case guestSubnet = "guest-subnet"
    case nameAddresses = "name-addresses"
    case configuration
    case internet
    case noInternet = "no-internet"
    case noIPv6 = "no-ipv6"
    case networkNone = "network-none"
    case networkRestricted = "network-restricted"
  }

  /// What sort of reason this is.
  public var kind: Kind {
    switch self {
    case .builtin: .builtin
    case .hostAddress: .hostAddress
    case .connectedPrefix: .connectedPrefix
    case .localRoute: .localRoute
    case .internalRoute: .internalRoute
    case .rejectRoute: .rejectRoute
    case .jailRoute: .jailRoute
    case .resolver: .resolver
    case .guestSubnet: .guestSubnet
    case .nameAddresses: .nameAddresses
    case .configuration: .configuration
    case .internet: .internet
    case .noInternet: .noInternet
    case .noIPv6: .noIPv6
    case .networkNone: .networkNone
    case .networkRestricted: .networkRestricted
    }
  }

  /// The line of the configuration that it is, if it is one.
  public var location: SourceLocation? {
    if case .configuration(let location, _) = self { location } else { nil }
  }

  var isConfigured: Bool {
    if case .configuration = self { true } else { false }
  }
}

extension Origin: CustomStringConvertible {
  /// The reason, as a phrase that can follow "because:".
  public var description: String {
    switch self {
    case .builtin(let reason): return reason
    case .hostAddress(let link): return "an address of this host (\(link))"
    case .connectedPrefix(let link): return "a network that this host is connected to (\(link))"
    case .localRoute(let link, let table):
      return "a prefix that this host answers for (\(link), table \(table))"
    case .internalRoute(let link, let gateway, let table):
      let way = gateway.map { "via \($0) dev \(link)" } ?? "dev \(link)"
      return "a route that does not leave as the internet does (\(way), table \(table))"
    case .rejectRoute(let table): return "a route of this host that refuses it (table \(table))"
    case .jailRoute: return "this jail's own route refuses it, as when it was launched"
    case .resolver: return "a name server of this host, which the jail asks through 127.0.0.53 only"
    case .guestSubnet: return "the jail's own end of the uplink"
    case .nameAddresses: return "an address by which the jail reaches names"
    case .configuration(let location, let key): return "\(location): \(key)"
    case .internet: return "the internet"
    case .noInternet: return "this host has no way to the internet"
    case .noIPv6: return "the jail has no IPv6: this host had no way to the internet over it"
    case .networkNone: return "network = none"
    case .networkRestricted: return "network = restricted, and no rule allows it"
    }
  }
}
