import Linux
import Netlink
import Policy

// Step 8, in the supervisor. Each state is made from the one before and from nothing else: the filter is on the tap before pasta has
// it, the way out is opened when pasta is ready.

/// A process waits to become pasta. All that takes time without the tap is done meanwhile.
struct Launching: ~Copyable {
  private let blueprint: Blueprint
  private let pasta: Pasta.Waiting

  init(_ pasta: String, _ blueprint: Blueprint) throws {
    self.blueprint = blueprint
    self.pasta = try Pasta.start(
      pasta, plan: blueprint.plan, templateLink: Pasta.templateLink(blueprint.facts))
  }

  /// The process that waits.
  var process: CInt { pasta.process }

  /// Closes the tap of a holder's jail for all that the plan does not allow, and passes it on.
  consuming func attach(_ tap: consuming FileDescriptor, of holder: CInt) throws -> Filtered {
    let tap = try FilteredTap(tap, by: blueprint.plan)
    return Filtered(blueprint: blueprint, pasta: try pasta.connect(tap, of: holder), tap: tap)
  }
}

/// The filter stands, and pasta starts.
struct Filtered: ~Copyable {
  fileprivate let blueprint: Blueprint
  fileprivate let pasta: Pasta.Starting
  fileprivate let tap: FilteredTap

  /// Everything in the jail but the way out.
  consuming func connect(_ sockets: consuming JailSockets) throws -> Closed {
    let plan = blueprint.plan
    let answers = try tap.duplicate()
    var uplink = try Uplink(plan, tap: tap, kernel: NetlinkSocket(owning: sockets.netlink))
    try uplink.configure()
    let refusals = RefusalResponder(
      packets: PacketSocket(owning: sockets.packets),
      refusal: ICMPRefusal(
        uplink: uplink.linkAddress, gateway: Pasta.linkAddress, gateways: plan.gateways),
      tap: answers, now: .now)
    let names = DNSForwarder(
      udp: sockets.udp, tcp: sockets.tcp, resolvers: blueprint.resolver.resolvers)
    return Closed(
      plan: plan, pasta: pasta, uplink: uplink, events: sockets.events, names: names, refusals: refusals)
  }
}

/// All is there but pasta's word, and the way out.
struct Closed: ~Copyable {
  fileprivate let plan: Plan
  fileprivate let pasta: Pasta.Starting
  fileprivate var uplink: Uplink
  fileprivate let events: FileDescriptor
  fileprivate let names: DNSForwarder
  fileprivate let refusals: RefusalResponder

  /// Opens the way out, as soon as pasta is ready. `wait` returns when a descriptor is readable.
  consuming func open(_ wait: (CInt) throws -> Void) throws -> Connected {
    try wait(pasta.readiness.rawValue)
    let running = try pasta.checked()
    try uplink.open(watching: events)
    return Connected(plan: plan, pasta: running, uplink: uplink, names: names, refusals: refusals)
  }
}

/// The jail's network. What is in here lives and dies together.
struct Connected: ~Copyable {
  private(set) var plan: Plan
  var pasta: Pasta.Running
  var uplink: Uplink
  var names: DNSForwarder
  var refusals: RefusalResponder

  fileprivate init(
    plan: Plan, pasta: consuming Pasta.Running, uplink: consuming Uplink, names: consuming DNSForwarder,
    refusals: consuming RefusalResponder
  ) {
    self.plan = plan
    self.pasta = pasta
    self.uplink = uplink
    self.names = names
    self.refusals = refusals
  }

  /// Becomes what the host's network wants it to be: the filter first, which is the wall.
  mutating func follow(
    _ facts: HostFacts, _ resolvers: [HostFacts.Resolver], _ configuration: Configuration
  ) throws {
    names.use(resolvers)
    let next = try Plan.make(configuration: configuration, facts: facts, keeping: plan)
    if next == plan { return }
    try uplink.follow(next)
    try refusals.attach(FilterInstruction.list(next.filter.inverse))
    plan = next
  }

  /// Without pasta nobody reads the tap; without the link programs learn it at once.
  consuming func cut() {
    pasta.kill()
    try? uplink.cut()
  }

  /// The end of the jail: nobody waits for what the kernel takes its time to close.
  consuming func release() {
    try? FileDescriptor.closeInBackground([refusals.release()])
  }
}
