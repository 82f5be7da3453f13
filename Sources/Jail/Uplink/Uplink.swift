import Linux
import Netlink
import Policy

/// Step 8: the link from the jail to pasta. The filter is attached before anyone reads the tap; the default
/// route comes last, when pasta is ready: until then no packet can leave.
package struct Uplink: ~Copyable, Service {
  /// A frame waits for pasta.
  enum Event { case frame }

  package static let linkName = "uplink0"
  /// Anything less costs CPU and throughput: every frame is one read(2) of pasta. Bytes.
  private static let mtu: UInt32 = 65520
  /// Frames that wait for pasta. All of them fit into the 8 MiB that it reads at once, or Debian 12's would stall:
  /// see docs/decisions/0011-a-short-queue.md.
  private static let queueLength: UInt32 = 120

  private var plan: Plan
  private let tap: FilteredTap
  private let routing: JailRouting
  private let link: UInt32
  private var isOpen = false
  private var relay = RelayWatch()

  /// Takes the jail's end of a filtered tap.
  init(_ plan: Plan, tap: consuming FilteredTap, routing: JailRouting) throws {
    let link = try routing.link(named: Self.linkName)
    self.plan = plan
    self.tap = tap
    self.routing = routing
    self.link = link.index
    self.end = DroppedFrames.Link(index: link.index, address: link.address)
  }

  /// The jail's end.
  let end: DroppedFrames.Link

  /// Everything but the way out: the link's addresses, and the routes of the exceptions; read back.
  func configure() throws {
    let addresses = plan.guests.compactMap {
      Address($0.guest.bytes, prefixLength: UInt8($0.guest.family.bits), link: link)?.addRequest
    }
    let requests =
      [
        Link.configureRequest(
          index: link, mtu: Self.mtu, queueLength: Self.queueLength, withoutLinkLocal: true),
        // Without ARP, also a socket that is bound to the link gets its refusal at once: no neighbour is
        // resolved.
        Link.upRequest(index: link, withoutARP: true),
      ] + addresses
    try routing.configure(plan, uplink: requests, routes: routes)
  }

  /// The way out, which is all that is missing of the table that `configure` has read back.
  mutating func open() throws {
    isOpen = true
    try routing.open(defaultRoutes)
  }

  /// Follows a new plan. The filter, which is the wall, is replaced first and in one step; the routes, which
  /// are the quick answer, after it.
  mutating func follow(_ plan: Plan) throws {
    try tap.follow(plan)
    self.plan = plan
    try routing.follow(plan, routes: routes)
  }

  /// The gateways, and what leads to them.
  private var routes: [Route] {
    plan.guests.map { Route(Prefix($0.gateway), kind: .unicast, nextHop: .init(link: link, gateway: nil)) }
      + plan.routes.filter { $0.kind == .uplink }.compactMap { throughGateway($0.prefix) }
      + (isOpen ? defaultRoutes : [])
  }

  private var defaultRoutes: [Route] {
    plan.guests.map(\.guest.family).filter(plan.hasDefaultRoute).compactMap {
      throughGateway(.everything($0))
    }
  }

  private func throughGateway(_ prefix: Prefix) -> Route? {
    plan.addresses(prefix.family).map {
      Route(prefix, kind: .unicast, nextHop: .init(link: link, gateway: $0.gateway.bytes))
    }
  }

  var interests: [Interest<Event>] {
    relay.deadline == nil ? [.readable(tap.descriptor, .frame)] : []
  }
  var deadline: Instant? { relay.deadline }

  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    if event == nil { return watchRelay(now) }
    relay.frameWaits(now: now)
    return []
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
  private func framesTaken() throws -> UInt64? {
    if try wait([Interest.readable(tap.descriptor, ())], until: .now).ready.isEmpty { return nil }
    return try routing.sentFrames(link)
  }

  /// Takes the link away: the jail sees "network is unreachable" at once.
  func cut() throws { try routing.remove(link) }
}
