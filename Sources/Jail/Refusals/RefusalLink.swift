import Linux
package import Netlink
import Policy

// Blackholes answer inside the kernel, where nobody sees what was tried. In front of them, a rule and a table of its own lead the same
// prefixes to a tun that the supervisor holds: it learns of each attempt, and answers. The main table stays what it is: when the
// supervisor's descriptor closes, the tun goes, its routes go with it, and the blackholes answer. What the plan opens inside a closed
// prefix is a `throw` route here, so that the lookup goes on to the main table. See docs/decisions/0014-a-rule-and-a-table.md.

/// The link that leads what the routes refuse to the supervisor.
package struct RefusalLink: Sendable, Equatable {
  package static let name = "refuse0"
  package static let table: UInt32 = 77
  private static let priority: UInt32 = 100
  /// Bytes. With the queue, in packets, it bounds what a jail can make the kernel hold: a megabyte.
  private static let mtu: UInt32 = 1500
  private static let queueLength: UInt32 = 400

  let index: UInt32
  /// In which families, and with which addresses.
  private(set) var addresses: [RefusalAddresses]

  init(index: UInt32, addresses: [RefusalAddresses]) {
    self.index = index
    self.addresses = addresses
  }

  /// For a plan, in the families in which the kernel knows rules.
  init(index: UInt32, _ plan: Plan, families: Set<AddressFamily>) {
    let all = plan.hasUplink ? plan.guests.map(RefusalAddresses.init) : RefusalAddresses.closed
    self.init(index: index, addresses: all.filter { families.contains($0.family) })
  }

  /// Gives up a family.
  mutating func leave(_ family: AddressFamily) { addresses.removeAll { $0.family == family } }

  /// Makes the link ready for routes: to be applied before those of `addressRequest`.
  var setupRequests: [Message] {
    [
      Link.configureRequest(
        index: index, mtu: Self.mtu, queueLength: Self.queueLength, withoutLinkLocal: true),
      Link.upRequest(index: index, withoutMulticast: true),
    ]
  }

  /// The request that gives it an address.
  func addressRequest(_ addresses: RefusalAddresses) -> Message? {
    Address(addresses.own.bytes, prefixLength: UInt8(addresses.own.family.bits), link: index)?.addRequest
  }

  /// What leads to its table.
  package static func rule(_ family: AddressFamily) -> PolicyRule {
    PolicyRule(family: family, priority: priority, table: table)
  }

  var rules: [PolicyRule] { addresses.map { Self.rule($0.family) } }

  /// Its table for a plan, beside whose routes one leads to the names.
  func routes(_ plan: Plan, _ names: Prefix? = nil) -> [Route] {
    func isHere(_ prefix: Prefix) -> Bool {
      addresses.contains { $0.own.family == prefix.family }
    }
    let names = [names].compactMap { $0 }
    guard plan.hasUplink else {
      return addresses.map { refused(.everything($0.own.family)) } + names.filter(isHere).map(open)
    }
    return plan.routes.filter { isHere($0.prefix) }.map {
      $0.kind == .blackhole ? refused($0.prefix) : open($0.prefix)
    } + (plan.gateways.map { Prefix($0) } + names).filter(isHere).map(open)
  }

  /// Routes of one kind with the same next hop share it in the kernel, and with it the cached entry of the last destination
  /// (nhc_pcpu_rth_output): what was sent to a group would make the next connect(2) to anything fail as one to a group does.
  private func refused(_ prefix: Prefix) -> Route {
    let isGroup = prefix.family == .ipv4 && prefix.length >= 4 && prefix.address.bytes[0] >> 4 == 0xe
    return Route(
      prefix, kind: isGroup ? .multicast : .unicast, nextHop: .init(link: index, gateway: nil),
      table: Self.table)
  }

  private func open(_ prefix: Prefix) -> Route { Route(prefix, kind: .throw, table: Self.table) }
}

extension RefusalAddresses {
  var family: AddressFamily { own.family == .ipv4 ? .ipv4 : .ipv6 }
}
