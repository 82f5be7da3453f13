import Linux
import Netlink
package import Policy

// Policy knows nothing of the kernel, and Netlink and Linux nothing of policy: what one says to the other is
// put into its words here.

extension IPAddress {
  /// An address in network byte order, 4 or 16 bytes.
  package init?(bytes: some Collection<UInt8>) {
    self.init(family: bytes.count == 4 ? .ipv4 : .ipv6, bytes: bytes)
  }
}

extension FilterInstruction {
  /// The program in the kernel's layout.
  static func list(_ program: FilterProgram) -> [FilterInstruction] { list(program.instructions) }

  static func list(_ instructions: [Instruction]) -> [FilterInstruction] {
    instructions.map { FilterInstruction(code: $0.code, jumpTrue: $0.jt, jumpFalse: $0.jf, k: $0.k) }
  }
}

extension Route {
  /// A planned route of the jail.
  init(_ prefix: Prefix, kind: Kind, nextHop: NextHop? = nil, table: UInt32 = Route.mainTable) {
    self.init(
      family: prefix.family == .ipv4 ? .ipv4 : .ipv6, destination: prefix.address.bytes,
      prefixLength: UInt8(prefix.length), kind: kind, nextHop: nextHop, table: table)
  }
}

extension Plan {
  /// The names that the jail reaches by a gateway; nil without one.
  var gateway: NamePlan? { names.flatMap { $0.hasGateway ? $0 : nil } }

  /// The addresses of each family that the jail has.
  var guests: [GuestAddresses] { [ipv4, ipv6].compactMap { $0 } }

  var gateways: [IPAddress] { guests.map(\.gateway) }

  /// What the jail's routing table refuses.
  var blackholes: [Route] {
    routes.filter { $0.kind == .blackhole }.map { Route($0.prefix, kind: .blackhole) }
  }

  func hasDefaultRoute(_ family: Family) -> Bool { family == .ipv4 ? hasDefaultRoute4 : hasDefaultRoute6 }
}
