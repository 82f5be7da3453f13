import Linux
import Netlink
import Policy

/// The main routing table of the jail, compared with what it shall be.
enum RoutingTable {
  /// A route that is there and shall not be, or the other way round.
  struct Mismatch: Error, CustomStringConvertible {
    let description: String
  }

  /// Reads all routes back, and throws unless exactly these are there beside the kernel's own.
  static func verify(_ expected: [Route], in kernel: inout NetlinkSocket) throws {
    let found = try read(&kernel)
    let wanted = Set(expected.map(Key.init))
    if let missing = wanted.subtracting(found).first {
      throw Mismatch(description: "route \(missing) is not in the kernel's table")
    }
    if let surplus = found.subtracting(wanted).first {
      throw Mismatch(description: "route \(surplus) is in the kernel's table, unplanned")
    }
  }

  /// Whether all of these are there.
  static func contains(_ expected: [Route], in kernel: inout NetlinkSocket) throws -> Bool {
    try read(&kernel).isSuperset(of: expected.map(Key.init))
  }

  private static func read(_ kernel: inout NetlinkSocket) throws -> Set<Key> {
    var found: Set<Key> = []
    for family in AddressFamily.allCases {
      for route in try kernel.request(Route.dumpRequest(family), dump: true).compactMap(Route.init)
      where route.family == family && route.table == Route.mainTable
        && route.installer != Route.kernelInstaller
      {
        found.insert(Key(route))
      }
    }
    return found
  }

  private struct Key: Hashable, CustomStringConvertible {
    let destination: [UInt8]
    let length: UInt8
    let kind: Route.Kind
    let hops: [Route.NextHop]

    init(_ route: Route) {
      destination = route.destination
      length = route.prefixLength
      kind = route.kind
      // The kernel lists IPv6 reject routes with the loopback link as their next hop.
      hops = route.kind == .unicast ? route.nextHops : []
    }

    var description: String {
      let address = IPAddress(bytes: destination).map(String.init(describing:)) ?? "?"
      return "\(kind == .blackhole ? "blackhole " : "")\(address)/\(length)"
    }
  }
}
