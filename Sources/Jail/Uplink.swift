import Linux
import Netlink
import Policy

/// Step 8: the link from the jail to pasta. The filter is attached before anyone reads the tap; the default route comes last, when pasta is
/// ready: until then no packet can leave.
struct Uplink: ~Copyable {
  static let linkName = "uplink0"
  /// Anything less costs CPU and throughput: every frame is one read(2) of pasta. Bytes.
  private static let mtu: UInt32 = 65520

  private let plan: Plan
  private let tap: Tap
  private var kernel: NetlinkSocket
  private let link: UInt32
  private var routes: [Route]

  /// Takes the windows that the holder passed out, and closes the tap for all that the plan does not allow.
  init(_ plan: Plan, tap: consuming FileDescriptor, kernel: consuming NetlinkSocket) throws {
    let tap = Tap(owning: tap)
    try tap.attach(FilterInstruction.list(plan.filter))
    var kernel = kernel
    let links = try kernel.request(Link.dumpRequest, dump: true).compactMap(Link.init)
    guard let link = links.first(where: { $0.name == Self.linkName }) else {
      throw SystemCallError("RTM_GETLINK", Self.linkName, errno: Errno.ENODEV)
    }
    self.plan = plan
    self.tap = tap
    self.kernel = kernel
    self.link = link.index
    self.linkAddress = link.address
    self.routes = plan.routes.filter { $0.kind == .blackhole }.map { Route($0.prefix, kind: .blackhole) }
  }

  /// The tap, for pasta and for refusals.
  var tapDescriptor: CInt { tap.descriptor.rawValue }
  /// The link-layer address of the jail's end.
  let linkAddress: [UInt8]

  /// Everything but the way out: the link's addresses, and the routes of the exceptions.
  mutating func configure() throws {
    var requests = [
      Link.configureRequest(index: link, mtu: Self.mtu, withoutLinkLocal: true),
      // Without ARP, also a socket that is bound to the link gets its refusal at once: no neighbour is looked for.
      Link.upRequest(index: link, withoutARP: true),
    ]
    var added: [Route] = []
    for guest in guests {
      let length = UInt8(guest.guest.family.bits)
      if let address = Address(guest.guest.bytes, prefixLength: length, link: link) {
        requests.append(address.addRequest)
      }
      added.append(Route(guest.gatewayPrefix, kind: .unicast, nextHop: .init(link: link, gateway: nil)))
    }
    for route in plan.routes where route.kind == .uplink {
      guard let gateway = gateway(route.prefix.address.family) else { continue }
      added.append(Route(route.prefix, kind: .unicast, nextHop: .init(link: link, gateway: gateway.bytes)))
    }
    try kernel.apply(requests + added.map(\.addRequest))
    routes += added
  }

  /// The way out, and the proof that the kernel's table is the plan's.
  mutating func open() throws {
    var added: [Route] = []
    for guest in guests where plan.hasDefaultRoute(guest.guest.family) {
      let everything = Prefix.everything(guest.guest.family)
      added.append(
        Route(everything, kind: .unicast, nextHop: .init(link: link, gateway: guest.gateway.bytes)))
    }
    try kernel.apply(added.map(\.addRequest))
    routes += added
    try RoutingTable.verify(routes, in: &kernel)
  }

  /// Answers what the filter drops, through the tap.
  func answer(with refusals: inout RefusalResponder?, ready: Set<CInt>, now: Int) {
    refusals?.handle(ready: ready, now: now, tap: tap.descriptor)
  }

  /// Takes the link away: the jail sees "network is unreachable" at once.
  mutating func cut() throws {
    try kernel.apply([Link.deleteRequest(index: link)])
  }

  private var guests: [GuestAddresses] { [plan.ipv4, plan.ipv6].compactMap { $0 } }

  private func gateway(_ family: Family) -> IPAddress? {
    plan.addresses(family)?.gateway
  }
}

extension GuestAddresses {
  /// The gateway alone: nothing else is on the link.
  fileprivate var gatewayPrefix: Prefix { Prefix(gateway) }
}
