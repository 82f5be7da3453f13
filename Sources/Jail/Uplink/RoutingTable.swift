import Linux
import Netlink
import Policy

/// How the kernel's table differs from the plan's.
public enum RouteMismatch: Error, Equatable, Sendable, CustomStringConvertible {
  case missing(String)
  case unplanned(String)
  case twice

  public var description: String {
    switch self {
    case .missing(let route): "route \(route) is not in the kernel's table"
    case .unplanned(let route): "route \(route) is in the kernel's table, unplanned"
    case .twice: "the kernel's table has an unplanned second copy of a route"
    }
  }
}

/// The main routing table of the jail, compared with what it should be.
enum RoutingTable {
  /// Reads all routes back, and throws unless exactly these are there beside the kernel's own.
  static func verify(_ expected: [Route], in kernel: inout NetlinkSocket) throws {
    let found = try read(&kernel).sorted()
    let wanted = expected.map(Key.init).sorted()
    if found == wanted { return }
    if let missing = wanted.first(where: { !found.contains($0) }) {
      throw RouteMismatch.missing("\(missing)")
    }
    guard let unplanned = found.first(where: { !wanted.contains($0) }) else { throw RouteMismatch.twice }
    throw RouteMismatch.unplanned("\(unplanned)")
  }

  /// Whether all of these are there.
  static func contains(_ expected: [Route], in kernel: inout NetlinkSocket) throws -> Bool {
    let found = try read(&kernel)
    return expected.allSatisfy { found.contains(Key($0)) }
  }

  /// The requests that make one table of another.
  static func changes(from present: [Route], to wanted: [Route]) -> [Message] {
    // As a launch does it.
    if wanted.starts(with: present) { return wanted.dropFirst(present.count).map(\.addRequest) }
    let before = Set(present.map(Key.init))
    let after = Set(wanted.map(Key.init))
    return present.filter { !after.contains(Key($0)) }.map(\.deleteRequest)
      + wanted.filter { !before.contains(Key($0)) }.map(\.addRequest)
  }

  private static func read(_ kernel: inout NetlinkSocket) throws -> [Key] {
    var found: [Key] = []
    for family in AddressFamily.allCases {
      for reply in try kernel.request(Route.dumpRequest(family), dump: true) {
        guard let route = Route(reply), route.family == family, route.table == Route.mainTable,
          route.installer != Route.kernelInstaller
        else { continue }
        found.append(Key(route))
      }
    }
    return found
  }

  /// What tells one route from another, in numbers: a policy may open thousands.
  private struct Key: Hashable, Comparable, CustomStringConvertible {
    let family: AddressFamily
    let address: UInt128
    let length: UInt8
    let isBlackhole: Bool
    let hops: Int
    let link: UInt32
    let gateway: UInt128

    init(_ route: Route) {
      family = route.family
      address = Self.number(route.destination)
      length = route.prefixLength
      isBlackhole = route.kind == .blackhole
      // The kernel lists IPv6 reject routes with the loopback link as their next hop.
      let hop = route.kind == .unicast ? route.nextHops.first : nil
      hops = route.kind == .unicast ? route.nextHops.count : 0
      link = hop?.link ?? 0
      gateway = Self.number(hop?.gateway ?? [])
    }

    private static func number(_ bytes: [UInt8]) -> UInt128 {
      bytes.reduce(0) { $0 << 8 | UInt128($1) }
    }

    static func < (one: Key, other: Key) -> Bool {
      (one.address, one.length, one.family.rawValue, one.link, one.gateway)
        < (other.address, other.length, other.family.rawValue, other.link, other.gateway)
    }

    var description: String {
      let bytes = (0..<family.size).reversed().map { UInt8(truncatingIfNeeded: address >> ($0 * 8)) }
      let text = IPAddress(bytes: bytes).map(String.init(describing:)) ?? "?"
      return "\(isBlackhole ? "blackhole " : "")\(text)/\(length)"
    }
  }
}
