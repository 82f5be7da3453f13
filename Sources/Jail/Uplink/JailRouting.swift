import Linux
import Netlink
import Policy

/// The routing of a jail, written and read back from outside: the blackholes, what leads to the uplink, and in front of both the table
/// of the refusal link.
final class JailRouting: Service {
  /// The jail's links, addresses, routes or rules have changed.
  enum Event { case changed }

  private var kernel: NetlinkSocket
  /// Notifications from the jail; subscribed to when all but the way out is installed, which is read back after that.
  private var events: RoutingEvents?
  private var socket: FileDescriptor?
  /// nil without one.
  private(set) var refusals: RefusalLink?
  /// nil without one.
  private var names: NamesRoutes?
  private let links: [Link]
  /// What the kernel's tables hold.
  private var installed: [Route]
  private var rules: [PolicyRule] = []

  /// Takes two sockets of a jail whose wall stands, for requests and for notifications.
  init(
    _ plan: Plan, owning kernel: consuming FileDescriptor, events: consuming FileDescriptor
  ) throws {
    socket = consume events
    var kernel = NetlinkSocket(owning: kernel)
    links = try kernel.request(Link.dumpRequest, dump: true).compactMap(Link.init)
    if let link = links.first(where: { $0.name == RefusalLink.name }) {
      let families = try AddressFamily.allCases.filter {
        try RoutingTable.rules($0, in: &kernel) != nil
      }
      refusals = RefusalLink(index: link.index, plan, families: Set(families))
    }
    self.kernel = kernel
    installed = plan.blackholes
  }

  /// Takes over the link to the jail's names, which has come since. Its index.
  func lead(to addresses: NameAddresses) throws -> UInt32 {
    let links = try kernel.request(Link.dumpRequest, dump: true).compactMap(Link.init)
    guard let link = links.first(where: { $0.name == NamesNamespace.jailLink }) else {
      throw SystemCallError("RTM_GETLINK", NamesNamespace.jailLink, errno: Errno.ENODEV)
    }
    names = NamesRoutes(index: link.index, addresses: addresses)
    return link.index
  }

  /// A link that was there from the beginning.
  func link(named name: String) throws(SystemCallError) -> Link {
    guard let link = links.first(where: { $0.name == name }) else {
      throw SystemCallError("RTM_GETLINK", name, errno: Errno.ENODEV)
    }
    return link
  }

  /// Sets the links up, and installs all routes but those of the way out; read back. From then on changes by others are noticed.
  func configure(_ plan: Plan, uplink: [Message] = [], routes: [Route] = []) throws {
    try kernel.apply(uplink + (refusals?.setupRequests ?? []) + (names?.setupRequests ?? []))
    for addresses in refusals?.addresses ?? [] {
      do {
        try kernel.apply([refusals?.addressRequest(addresses)].compactMap { $0 })
      } catch let error as NetlinkError where !plan.hasUplink && error.errno != Errno.EPERM {
        // A host may have switched a family off for all links. Nothing leads out of this jail: only how it is told changes.
        refusals?.leave(addresses.family)
      }
    }
    rules = refusals?.rules ?? []
    try install(plan, routes, andFirst: rules.map(\.addRequest))
    if let socket = socket.take() { events = try RoutingEvents(owning: socket) }
    try verify()
  }

  /// Makes the tables those of a plan; `routes` are those of the uplink.
  func follow(_ plan: Plan, routes: [Route]) throws {
    try install(plan, routes)
    try verify()
  }

  private func install(_ plan: Plan, _ routes: [Route], andFirst requests: [Message] = []) throws {
    let wanted =
      plan.blackholes + routes + (names?.routes ?? []) + (refusals?.routes(plan, names?.addresses.pool) ?? [])
    try kernel.apply(requests + RoutingTable.changes(from: installed, to: wanted))
    installed = wanted
  }

  /// Adds the way out, which is all that is missing. Not read back: `check` is.
  func open(_ routes: [Route]) throws {
    try kernel.apply(routes.map(\.addRequest))
    installed += routes
  }

  /// Takes the uplink away, and with it the routes through it. What was open is refused then as all else.
  func remove(_ link: UInt32) throws {
    try kernel.apply([Link.deleteRequest(index: link)])
    installed.removeAll { $0.nextHops.contains { $0.link == link } }
    try kernel.apply(installed.filter { $0.kind == .throw }.map(\.deleteRequest))
    installed.removeAll { $0.kind == .throw }
  }

  /// Takes the link to the names away. What leads there is refused then as all else.
  func leaveNames() throws {
    guard let names = names.take() else { return }
    let pool = Set([names.addresses.pool, Prefix(names.addresses.peer)].map { $0.address.bytes })
    let gone = installed.filter { $0.kind == .throw && pool.contains($0.destination) }
    try kernel.apply(gone.map(\.deleteRequest) + [Link.deleteRequest(index: names.index)])
    installed.removeAll { gone.contains($0) || $0.nextHops.contains { $0.link == names.index } }
  }

  /// How many frames have left a link; ENODEV when it is gone.
  func sentFrames(_ index: UInt32) throws -> UInt64 {
    let links = try kernel.request(Link.dumpRequest, dump: true).compactMap(Link.init)
    guard let frames = links.first(where: { $0.index == index })?.sentFrames else {
      throw SystemCallError("RTM_GETLINK", Uplink.linkName, errno: Errno.ENODEV)
    }
    return frames
  }

  /// Throws unless tables and rules are what was installed.
  func verify() throws { try RoutingTable.verify(installed, rules: rules, in: &kernel) }

  var interests: [Interest<Event>] {
    switch events {
    case .some(let events): [.readable(events.descriptor, .changed)]
    case nil: []
    }
  }
  var deadline: Instant? { nil }

  /// Nobody but this process may change the jail's routes.
  func handle(_ event: Event?, now: Instant) -> [Effect] { check() }

  /// Compares what is there with what was installed.
  func check() -> [Effect] {
    do {
      try events?.drain()
      try verify()
      return []
    } catch {
      return [.cut("the jail's routes were changed (\(error))")]
    }
  }

  /// Looks no more.
  func stop() { events = nil }
}
