import Linux
import Netlink
import Policy

/// Step 8: the link from the jail to pasta. The filter is attached before anyone reads the tap; the default
/// route comes last, when pasta is ready: until then no packet can leave.
package struct Uplink: ~Copyable, Service {
  enum Event {
    /// The jail's links, addresses, routes or rules have changed.
    case routes
    /// A frame waits for pasta.
    case frame
  }

  package static let linkName = "uplink0"
  /// Anything less costs CPU and throughput: every frame is one read(2) of pasta. Bytes.
  private static let mtu: UInt32 = 65520
  /// Frames that wait for pasta. All of them fit into the 8 MiB that it reads at once, or Debian 12's would stall:
  /// see docs/decisions/0011-a-short-queue.md.
  private static let queueLength: UInt32 = 120

  private var plan: Plan
  private let tap: FilteredTap
  private var kernel: NetlinkSocket
  private let link: UInt32
  /// Notifications from the jail; subscribed to when all is installed.
  private var events: RoutingEvents?
  private var isOpen = false
  private var relay = RelayWatch()
  /// What the jail's routing table holds.
  private var installed: [Route]

  /// Takes the jail's end of a filtered tap.
  init(_ plan: Plan, tap: consuming FilteredTap, kernel: consuming NetlinkSocket) throws {
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

  /// The link-layer address of the jail's end.
  let linkAddress: [UInt8]

  /// Everything but the way out: the link's addresses, and the routes of the exceptions; read back.
  mutating func configure() throws {
    let addresses = guests.compactMap {
      Address($0.guest.bytes, prefixLength: UInt8($0.guest.family.bits), link: link)?.addRequest
    }
    try kernel.apply(
      [
        Link.configureRequest(
          index: link, mtu: Self.mtu, queueLength: Self.queueLength, withoutLinkLocal: true),
        // Without ARP, also a socket that is bound to the link gets its refusal at once: no neighbour is
        // resolved.
        Link.upRequest(index: link, withoutARP: true),
      ] + addresses)
    try install()
    try verify()
  }

  /// The way out, which is all that is missing of the table that `configure` has read back. From then on `events`, a socket of
  /// the jail, reports changes by others.
  mutating func open(watching events: consuming FileDescriptor) throws {
    isOpen = true
    let routes = defaultRoutes
    try kernel.apply(routes.map(\.addRequest))
    installed += routes
    self.events = try RoutingEvents(owning: events)
  }

  /// Follows a new plan. The filter, which is the wall, is replaced first and in one step; the routes, which
  /// are the quick answer, after it.
  mutating func follow(_ plan: Plan) throws {
    try tap.follow(plan)
    self.plan = plan
    try install()
    try verify()
  }

  /// Throws unless the jail's routes are the plan's.
  mutating func verify() throws { try RoutingTable.verify(installed, in: &kernel) }

  /// Brings the jail's routes in line with the plan.
  private mutating func install() throws {
    let wanted = plan.blackholes + routesToGateway + (isOpen ? defaultRoutes : [])
    try kernel.apply(RoutingTable.changes(from: installed, to: wanted))
    installed = wanted
  }

  /// The gateways, and what leads to them.
  private var routesToGateway: [Route] {
    guests.map { Route(Prefix($0.gateway), kind: .unicast, nextHop: .init(link: link, gateway: nil)) }
      + plan.routes.filter { $0.kind == .uplink }.compactMap { throughGateway($0.prefix) }
  }

  private var defaultRoutes: [Route] {
    guests.map(\.guest.family).filter(plan.hasDefaultRoute).compactMap { throughGateway(.everything($0)) }
  }

  private func throughGateway(_ prefix: Prefix) -> Route? {
    plan.addresses(prefix.family).map {
      Route(prefix, kind: .unicast, nextHop: .init(link: link, gateway: $0.gateway.bytes))
    }
  }

  var interests: [Interest<Event>] {
    var interests: [Interest<Event>] = relay.deadline == nil ? [.readable(tap.descriptor, .frame)] : []
    switch events {
    case .some(let events): interests.append(.readable(events.descriptor, .routes))
    case nil: break
    }
    return interests
  }
  var deadline: Instant? { relay.deadline }

  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    switch event {
    case .routes: return checkRoutes()
    case .frame:
      relay.frameWaits(now: now)
      return []
    case nil: return watchRelay(now)
    }
  }

  /// Nobody but this process may change the jail's routes.
  mutating func checkRoutes() -> [Effect] {
    do {
      try events?.drain()
      try verify()
      return []
    } catch {
      return [.cut("the jail's routes were changed (\(error))")]
    }
  }

  /// What the user should know of pasta, if anything. It is no wall: without pasta nothing leaves the jail.
  private mutating func watchRelay(_ now: Instant) -> [Effect] {
    var watch = relay
    defer { relay = watch }
    do {
      switch try watch.look(now: now, taken: { try framesTaken() }) {
      case .stopped:
        return [
          .tell(
            "pasta has stopped reading; the jail's network stands still (restart the jail if this lasts)")
        ]
      case .resumed: return [.tell("pasta reads again; the jail's network is back")]
      case nil: return []
      }
    } catch {
      return [.cut("the uplink cannot be watched (\(error))")]
    }
  }

  /// How many frames were ever read from the tap; nil when none waits.
  private mutating func framesTaken() throws -> UInt64? {
    if try wait([Interest.readable(tap.descriptor, ())], until: .now).ready.isEmpty { return nil }
    let links = try kernel.request(Link.dumpRequest, dump: true).compactMap(Link.init)
    guard let frames = links.first(where: { $0.index == link })?.sentFrames else {
      throw SystemCallError("RTM_GETLINK", Self.linkName, errno: Errno.ENODEV)
    }
    return frames
  }

  /// Takes the link away: the jail sees "network is unreachable" at once.
  mutating func cut() throws {
    try kernel.apply([Link.deleteRequest(index: link)])
  }

  private var guests: [GuestAddresses] { [plan.ipv4, plan.ipv6].compactMap { $0 } }
}
