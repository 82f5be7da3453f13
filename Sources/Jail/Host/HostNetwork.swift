import Linux
import Netlink
public import Policy

/// Reads, by rtnetlink, what only the host can tell of its network. Sends no packet.
public enum HostNetwork {
  /// A public address in each half of the IPv4 space, and two in IPv6: the kernel is asked how it would reach
  /// them, since a VPN may take the internet in pieces that no default route shows. They are chosen not to be
  /// resolvers, which VPNs route apart.
  private static let publicAddresses = [
    "12.1.0.1", "192.33.4.12", "2001:503:ba3e::2:30", "2a00:1450:4001::1",
  ]

  /// What only the host can tell, as it is now.
  static func current() throws -> (HostFacts, ResolverConfiguration) {
    let resolver = ResolverFile.read()
    var facts = try read()
    facts.resolvers = resolver.resolvers
    return (facts, resolver)
  }

  /// The facts of this process's network namespace.
  public static func read() throws -> HostFacts {
    var kernel = try NetlinkSocket()
    let links = try dump(Link.dumpRequest, from: &kernel).compactMap(Link.init)
    func name(_ link: UInt32) -> String { links.first { $0.index == link }?.name ?? "link \(link)" }
    func hop(_ hop: Route.NextHop) -> HostFacts.NextHop {
      HostFacts.NextHop(link: name(hop.link), gateway: hop.gateway.flatMap { IPAddress(bytes: $0) })
    }

    var facts = HostFacts()
    for family in AddressFamily.allCases {
      for address in try dump(Address.dumpRequest(family), from: &kernel).compactMap(Address.init)
      where address.family == family {
        guard let own = IPAddress(bytes: address.bytes), let peer = IPAddress(bytes: address.peer) else {
          continue
        }
        let length = peer == own ? Int(address.prefixLength) : own.family.bits
        facts.addresses.append(.init(address: own, prefixLength: length, link: name(address.link)))
        if peer != own {
          facts.addresses.append(
            .init(address: peer, prefixLength: Int(address.prefixLength), link: name(address.link)))
        }
      }
      let rules = try dump(PolicyRule.dumpRequest(family), from: &kernel).compactMap(PolicyRule.init)
      let tables = rules.compactMap(\.table)
      let everyTable = rules.contains(where: \.isVRF)
      for route in try dump(Route.dumpRequest(family), from: &kernel).compactMap(Route.init)
      where route.family == family && (everyTable || tables.contains(route.table)) {
        guard let destination = IPAddress(bytes: route.destination) else { continue }
        facts.routes.append(
          .init(
            destination: Prefix(containing: destination, length: Int(route.prefixLength)), table: route.table,
            kind: kind(route.kind), nextHops: route.nextHops.map(hop)))
      }
    }
    let refusals = links.first { $0.name == RefusalLink.name }?.index
    for address in publicAddresses.compactMap({ IPAddress($0) }) {
      guard let route = try lookup(address, refusals, in: &kernel), route.kind == .unicast else { continue }
      if address.family == .ipv4 {
        facts.ipv4InternetPaths += route.nextHops.map(hop)
      } else {
        facts.ipv6InternetPaths += route.nextHops.map(hop)
      }
    }
    return facts
  }

  private static func kind(_ kind: Route.Kind) -> HostFacts.RouteKind {
    switch kind {
    case .unicast: .unicast
    case .local: .local
    case .blackhole, .unreachable, .prohibit: .reject
    case .throw, .multicast, .other: .other
    }
  }

  /// Whether the kernel would not even send a packet to an address.
  public static func refuses(_ address: IPAddress) -> Bool {
    do {
      var kernel = try NetlinkSocket()
      return try lookup(address, linkIndex(ofZone: RefusalLink.name), in: &kernel) == nil
    } catch {
      return false
    }
  }

  /// How the kernel would reach an address; nil if it says that it would not, for whatever reason, or in a jail only to be refused by
  /// the link of this index.
  private static func lookup(
    _ address: IPAddress, _ refusals: UInt32?, in kernel: inout NetlinkSocket
  ) throws -> Route? {
    guard let request = Route.lookupRequest(to: address.bytes) else { return nil }
    do {
      let route = try kernel.request(request, dump: false).first.flatMap(Route.init)
      return route.flatMap { $0.nextHops.contains { $0.link == refusals } ? nil : $0 }
    } catch is NetlinkError {
      return nil
    }
  }

  /// A list from the kernel, asked again when it changed while it was being read (NLM_F_DUMP_INTR).
  private static func dump(_ request: Message, from kernel: inout NetlinkSocket) throws -> [Reply] {
    for _ in 1..<10 {
      do {
        return try kernel.request(request, dump: true)
      } catch let error as SystemCallError where error.errno == Errno.EINTR {
        kernel = try NetlinkSocket()
      }
    }
    return try kernel.request(request, dump: true)
  }
}
