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

  /// Closes the tap of a holder's jail for all that the plan does not allow, and passes it on. `wait` returns when a descriptor is
  /// readable.
  consuming func attach(
    _ tap: consuming FileDescriptor, of holder: CInt, _ wait: (CInt) throws -> Void
  ) throws -> Filtered {
    let tap = try FilteredTap(tap, by: blueprint.plan)
    return Filtered(blueprint: blueprint, pasta: try pasta.connect(tap, of: holder, wait), tap: tap)
  }
}

/// The filter stands, and pasta starts.
struct Filtered: ~Copyable {
  fileprivate let blueprint: Blueprint
  fileprivate let pasta: Pasta.Starting
  fileprivate let tap: FilteredTap

  /// Everything in the jail but the way out.
  consuming func connect(
    _ dropped: consuming FileDescriptor, _ routing: JailRouting, _ refusals: inout RefusalResponder
  ) throws -> Closed {
    let plan = blueprint.plan
    let answers = try tap.duplicate()
    let uplink = try Uplink(plan, tap: tap, routing: routing)
    try uplink.configure()
    refusals.attend(
      DroppedFrames(
        packets: PacketSocket(owning: dropped), tap: answers, link: uplink.end,
        gateway: Pasta.linkAddress, gateways: plan.gateways))
    return Closed(pasta: pasta, uplink: uplink)
  }
}

/// All is there but pasta's word, and the way out.
struct Closed: ~Copyable {
  fileprivate let pasta: Pasta.Starting
  fileprivate var uplink: Uplink

  /// Opens the way out, as soon as pasta is ready. `wait` returns when a descriptor is readable.
  consuming func open(_ wait: (CInt) throws -> Void) throws -> OpenUplink {
    try wait(pasta.readiness.rawValue)
    let running = try pasta.checked()
    try uplink.open()
    return OpenUplink(pasta: running, uplink: uplink)
  }
}

/// The way out, and who relays what leaves by it.
struct OpenUplink: ~Copyable {
  var pasta: Pasta.Running
  var uplink: Uplink

  fileprivate init(pasta: consuming Pasta.Running, uplink: consuming Uplink) {
    self.pasta = pasta
    self.uplink = uplink
  }
}

/// A plan that the jail's network cannot become.
struct PlanOfAnotherMode: Error {}

/// The jail's network. What is in here lives and dies together.
struct Connected: ~Copyable {
  private(set) var plan: Plan
  /// nil where all that is allowed is allowed by name.
  var way: OpenUplink?
  var questions: DNSForwarder
  private let directory: NameDirectory?
  /// nil where nothing is reached by name that is not reached by address, and when the names were cut.
  var names: Names?
  private let routing: JailRouting

  /// A network whose links and routes are those of the plan; nil if nothing is to be asked.
  init?(
    _ blueprint: Blueprint, _ way: consuming OpenUplink?, _ questions: consuming QuestionSockets?,
    _ directory: NameDirectory?, _ names: consuming Names?, _ routing: JailRouting
  ) {
    guard let questions = questions.take() else { return nil }
    plan = blueprint.plan
    self.way = way
    self.questions = DNSForwarder(
      udp: questions.udp, tcp: questions.tcp, resolvers: blueprint.resolver.resolvers,
      directory: directory,
      descriptors: Process.descriptorLimit
        - (names == nil ? 0 : NameGateway.share(of: Process.descriptorLimit)))
    self.directory = directory
    self.names = names
    self.routing = routing
  }

  /// How many names the jail has used, and how many connections to them there are; nil where it has none of its own.
  var nameUse: (names: Int, connections: Int)? {
    switch names {
    case .some(let names): (names.directory.count, names.gateway.connectionCount)
    case nil: nil
    }
  }

  /// Becomes what the host's network wants it to be: the filter first, which is the wall.
  mutating func follow(
    _ facts: HostFacts, _ resolver: ResolverConfiguration, _ configuration: Configuration,
    _ refusals: inout RefusalResponder
  ) throws -> [Effect] {
    try follow(Plan.make(configuration: configuration, facts: facts, keeping: plan), resolver, &refusals)
  }

  /// Becomes what the plan says, which keeps the addresses.
  mutating func follow(
    _ next: Plan, _ resolver: ResolverConfiguration, _ refusals: inout RefusalResponder
  ) throws -> [Effect] {
    // A plan for another mode has other routes: it would take the walls away.
    guard next.network == plan.network, next.hasUplink == plan.hasUplink else { throw PlanOfAnotherMode() }
    questions.use(resolver.resolvers)
    let hasChanged = next != plan
    if hasChanged {
      if next.hasUplink {
        try way?.uplink.follow(next)
      } else {
        try routing.follow(next, routes: [])
      }
      try refusals.follow(next)
      plan = next
    }
    if let wanted = next.names { directory?.use(wanted) }
    return names?.follow(searchDomains: resolver.search, hasChanged: hasChanged, now: .now) ?? []
  }

  /// Takes the names away for good; false if there are none.
  mutating func cutNames() throws -> Bool {
    guard let names = names.take() else { return false }
    names.cut()
    try routing.leaveNames()
    return true
  }

  /// Without pasta nobody reads the tap; without the links programs learn it at once.
  consuming func cut() {
    if let way = way.take() {
      way.pasta.kill()
      try? way.uplink.cut()
    }
    _ = try? cutNames()
  }
}
