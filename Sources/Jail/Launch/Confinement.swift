import Linux
import Netlink
package import Policy

/// Whether this process is in a jail already. Then it stays there: what it starts is in the same jail without
/// any more to do.
///
/// Told by what the kernel says of this process and its network namespace, not by a variable or a file:
/// whoever can make all of it true is confined as a jail confines.
package enum Confinement {
  package static func isJail(_ configuration: Configuration) -> Bool {
    do {
      try Capabilities.verifyDropped()
      guard try ProcessStatus.read()["Seccomp"] == "2" else { return false }
      var kernel = try NetlinkSocket()
      let links = try kernel.request(Link.dumpRequest, dump: true).compactMap(Link.init)
      let others = links.filter { $0.index != Link.loopback && $0.name != RefusalLink.name }.map(\.name)
      if others.isEmpty { return true }
      // Those of the host are not to be seen from here.
      let walls = try Plan.make(configuration: configuration, facts: HostFacts()).blackholes
      return try others == [Uplink.linkName] && RoutingTable.contains(walls, in: &kernel)
    } catch {
      return false
    }
  }
}
