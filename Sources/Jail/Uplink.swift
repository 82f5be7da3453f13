import Linux
import Netlink
import Policy

/// Step 8: the link from the jail to pasta. The filter is attached before anyone reads the tap; the default
/// route comes last, when pasta is ready: until then no packet can leave.
struct Uplink: ~Copyable {
  static let linkName = "uplink0"
  /// Anything less costs CPU and throughput: every frame is one read(2) of pasta. Bytes.
  private static let mtu: UInt32 = 65520

  private var plan: Plan
  private let tap: Tap
  private var kernel: NetlinkSocket
  private let link: UInt32
  private var isOpen = false
  /// What the jail's routing table holds.
  private var installed: [Route]

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
    self.installed = plan.blackholes
  }

  /// The tap, for pasta.
  var tapDescriptor: CInt { tap.descriptor.rawValue }
  /// The link-layer address of the jail's end.
  let linkAddress: [UInt8]

  /// Everything but the way out: the link's addresses, and the routes of the exceptions.
  mutating func configure() throws {
    let addresses = guests.compactMap {
      Address($0.guest.bytes, prefixLength: UInt8($0.guest.family.bits), link: link)?.addRequest
    }
    try kernel.apply(
      [
        Link.configureRequest(index: link, mtu: Self.mtu, withoutLinkLocal: true),
        // Without ARP, also a socket that is bound to the link gets its refusal at once: no neighbour is
        // looked for.
        Link.upRequest(index: link, withoutARP: true),
      ] + addresses)
    try install()
  }

  /// The way out, and the proof that the kernel's table is the plan's.
  mutating func open() throws {
    isOpen = true
    try install()
    try verify()
  }

  /// Follows a new plan. The filter, which is the wall, is replaced first and in one step; the routes, which
  /// are the quick answer, after it.
  mutating func follow(_ plan: Plan) throws {
    try tap.attach(FilterInstruction.list(plan.filter))
    self.plan = plan
    try install()
    try verify()
  }

  /// Throws unless the jail's routes are the plan's.
  mutating func verify() throws { try RoutingTable.verify(installed, in: &kernel) }

  /// Brings the jail's routes in line with the plan.
  private mutating func install() throws {
    let wanted = plan.blackholes + routesToGateway()
    let removed = Set(installed).subtracting(wanted)
    let present = Set(installed)
    let added = wanted.filter { !present.contains($0) }
    try kernel.apply(removed.map(\.deleteRequest) + added.map(\.addRequest))
    installed = wanted
  }

  /// The gateways, what leads to them, and the default routes once the uplink is open.
  private func routesToGateway() -> [Route] {
    var routes = guests.map {
      Route(Prefix($0.gateway), kind: .unicast, nextHop: .init(link: link, gateway: nil))
    }
    let opened = guests.map(\.guest.family).filter { isOpen && plan.hasDefaultRoute($0) }.map(
      Prefix.everything)
    for prefix in plan.routes.filter({ $0.kind == .uplink }).map(\.prefix) + opened {
      guard let gateway = plan.addresses(prefix.family)?.gateway else { continue }
      routes.append(Route(prefix, kind: .unicast, nextHop: .init(link: link, gateway: gateway.bytes)))
    }
    return routes
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
}
