import Linux
import Netlink
package import Policy

/// Whether this process is in a jail already. Then it stays there: what it starts is in the same jail without
/// any more to do.
///
/// Told by what the kernel says of this process and its network namespace, not by a variable or a file. What is at the other end of
/// the two links cannot be seen from here: who makes links of these names in a namespace of their own deceives only themselves.
package enum Confinement {
  /// The same for whoever has no use for the configuration: where that has errors, the builtin walls count.
  package static var isJail: Bool { isJail((try? ConfigurationFiles.read()) ?? Configuration()) }

  /// Whether this process's network has a link to names: in a jail, its own.
  package static var hasNames: Bool { linkIndex(ofZone: NamesNamespace.jailLink) != nil }

  package static func isJail(_ configuration: Configuration) -> Bool {
    do {
      try Capabilities.verifyDropped()
      guard try ProcessStatus.read()["Seccomp"] == "2" else { return false }
      var kernel = try NetlinkSocket()
      let links = try kernel.request(Link.dumpRequest, dump: true).compactMap(Link.init)
      let others = links.filter { $0.index != Link.loopback }.map(\.name)
      if others.isEmpty { return true }
      let own = [RefusalLink.name, NamesNamespace.jailLink]
      if others.allSatisfy(own.contains) {
        return try leadsNowhere(&kernel, but: links.first { $0.name == NamesNamespace.jailLink })
      }
      // Those of the host are not to be seen from here.
      let walls = try Plan.make(configuration: configuration, facts: HostFacts()).blackholes
      return try others.contains(Uplink.linkName)
        && others.allSatisfy((own + [Uplink.linkName]).contains)
        && RoutingTable.contains(walls, in: &kernel)
    } catch {
      return false
    }
  }

  /// A jail without an uplink: all routes but those to its own addresses, and to its names, are in the table of the refusal link.
  private static func leadsNowhere(_ kernel: inout NetlinkSocket, but names: Link?) throws -> Bool {
    for family in AddressFamily.allCases {
      for route in try kernel.request(Route.dumpRequest(family), dump: true).compactMap(Route.init)
      where route.family == family && route.kind == .unicast && route.table != RefusalLink.table
        && route.nextHops.contains(where: { $0.link != names?.index })
      {
        guard Int(route.prefixLength) == family.size * 8 else { return false }
      }
    }
    return true
  }
}
