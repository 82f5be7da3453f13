import Linux
import Netlink
import Policy

/// How the kernel's tables differ from what they should be.
public enum RouteMismatch: Error, Equatable, Sendable, CustomStringConvertible {
  case missing(String)
  case unplanned(String)
  case twice
  /// The rules of a family.
  case rules(String)

  public var description: String {
    switch self {
    case .missing(let route): "route \(route) is not in the kernel's table"
    case .unplanned(let route): "route \(route) is in the kernel's table, unplanned"
    case .twice: "the kernel's table has an unplanned second copy of a route"
    case .rules(let family): "the \(family) routing rules are not the planned ones"
    }
  }
}

/// The routing tables of the jail, compared with what they should be.
enum RoutingTable {
  /// Reads all routes of all tables and all rules back, and throws unless exactly these are there beside the kernel's own.
  static func verify(_ expected: [Route], rules: [PolicyRule] = [], in kernel: inout NetlinkSocket) throws {
    try verify(rules, in: &kernel)
    let found = try read(&kernel).sorted()
    let wanted = expected.map(Key.init).sorted()
    if found == wanted { return }
    if let missing = wanted.first(where: { !found.contains($0) }) {
      throw RouteMismatch.missing("\(missing)")
    }
    guard let unplanned = found.first(where: { !wanted.contains($0) }) else { throw RouteMismatch.twice }
    throw RouteMismatch.unplanned("\(unplanned)")
  }

  private static func verify(_ expected: [PolicyRule], in kernel: inout NetlinkSocket) throws {
    for family in AddressFamily.allCases {
      let own = expected.filter { $0.family == family }
      let found = try rules(family, in: &kernel)
      // Without policy rules the kernel asks the local and the main table.
      if found == nil, own.isEmpty { continue }
      let wanted = (PolicyRule.initial(family) + own).sorted { $0.priority < $1.priority }
      guard found == wanted else { throw RouteMismatch.rules(family == .ipv4 ? "IPv4" : "IPv6") }
    }
  }

  /// The rules of a family, first the one that is asked first; nil when the kernel knows none.
  static func rules(_ family: AddressFamily, in kernel: inout NetlinkSocket) throws -> [PolicyRule]? {
    do {
      return try kernel.request(PolicyRule.dumpRequest(family), dump: true).compactMap(PolicyRule.init)
        .filter { $0.family == family }
    } catch let error as NetlinkError where [Errno.EOPNOTSUPP, Errno.EAFNOSUPPORT].contains(error.errno) {
      return nil
    }
  }

  /// Whether all of these are there.
  static func contains(_ expected: [Route], in kernel: inout NetlinkSocket) throws -> Bool {
    let found = try read(&kernel)
    return expected.allSatisfy { found.contains(Key($0)) }
  }

  /// The requests that make one set of routes of another. What leads to the main table from one before it goes first and comes last:
  /// it must find there what it leads to.
  static func changes(from present: [Route], to wanted: [Route]) -> [Message] {
    // As a launch does it.
    if wanted.starts(with: present) { return wanted.dropFirst(present.count).map(\.addRequest) }
    let before = Set(present.map(Key.init))
    let after = Set(wanted.map(Key.init))
    let removed = present.filter { !after.contains(Key($0)) }
    let added = wanted.filter { !before.contains(Key($0)) }
    return removed.filter { $0.kind == .throw }.map(\.deleteRequest)
      + removed.filter { $0.kind != .throw }.map(\.deleteRequest)
      + added.filter { $0.kind != .throw }.map(\.addRequest)
      + added.filter { $0.kind == .throw }.map(\.addRequest)
  }

  private static func read(_ kernel: inout NetlinkSocket) throws -> [Key] {
    var found: [Key] = []
    for family in AddressFamily.allCases {
      for reply in try kernel.request(Route.dumpRequest(family), dump: true) {
        guard let route = Route(reply), route.family == family, !isKernels(route) else { continue }
        found.append(Key(route))
      }
    }
    return found
  }

  /// What the kernel makes of links and addresses.
  private static func isKernels(_ route: Route) -> Bool {
    route.installer == Route.kernelInstaller && [Route.localTable, Route.mainTable].contains(route.table)
  }

  /// What tells one route from another, in numbers: a policy may open thousands.
  private struct Key: Hashable, Comparable, CustomStringConvertible {
    let family: AddressFamily
    let table: UInt32
    let address: UInt128
    let length: UInt8
    let kind: Route.Kind
    let hops: Int
    let link: UInt32
    let gateway: UInt128

    init(_ route: Route) {
      family = route.family
      table = route.table
      address = Self.number(route.destination)
      length = route.prefixLength
      kind = route.kind
      // The kernel lists IPv6 reject routes with the loopback link as their next hop.
      let hop = route.leadsSomewhere ? route.nextHops.first : nil
      hops = route.leadsSomewhere ? route.nextHops.count : 0
      link = hop?.link ?? 0
      gateway = Self.number(hop?.gateway ?? [])
    }

    private static func number(_ bytes: [UInt8]) -> UInt128 {
      bytes.reduce(0) { $0 << 8 | UInt128($1) }
    }

    static func < (one: Key, other: Key) -> Bool {
      (one.address, one.length, one.table, one.family.rawValue, one.link, one.gateway)
        < (other.address, other.length, other.table, other.family.rawValue, other.link, other.gateway)
    }

    var description: String {
      let bytes = (0..<family.size).reversed().map { UInt8(truncatingIfNeeded: address >> ($0 * 8)) }
      let text = IPAddress(bytes: bytes).map(String.init(describing:)) ?? "?"
      let place = table == Route.mainTable ? "" : " of table \(table)"
      return "\(kind == .unicast ? "" : "\(kind) ")\(text)/\(length)\(place)"
    }
  }
}
