import Linux
import Policy

/// Step 11, in the process outside the jail that holds its sockets: it serves what a running jail needs, as one loop over events.
/// It has no privilege that its user does not have.
struct Supervisor: ~Copyable {
  /// What can happen. A service's nil is its deadline.
  private enum Event {
    case holder(ReleasedHolder.Event?)
    case command(CommandProcess.Event?)
    case pasta(Pasta.Running.Event?)
    case host(HostWatch.Event?)
    case names(DNSForwarder.Event?)
    case refusals(RefusalResponder.Event?)
    case resolverCover(ResolverCover.Event?)
    case uplink(Uplink.Event?)
    case recorder(Recorder.Event?)
  }

  private let blueprint: Blueprint
  private let launcher: LauncherSocket
  private var holder: ReleasedHolder
  private var command: CommandProcess
  /// nil without a network, and once it was cut.
  private var network: Connected?
  private var host: HostWatch
  private var recorder: Recorder
  private var isIdle = false

  private init(
    _ blueprint: Blueprint, _ holder: consuming ReleasedHolder, _ network: consuming Connected?,
    _ command: consuming CommandProcess, _ host: consuming HostWatch, _ recorder: consuming Recorder,
    _ launcher: LauncherSocket
  ) {
    self.blueprint = blueprint
    self.launcher = launcher
    self.command = command
    self.holder = holder
    self.network = consume network
    self.host = host
    self.recorder = recorder
  }

  /// Serves a jail until its command has ended; how it did.
  static func serve(
    _ blueprint: Blueprint, _ holder: consuming ReleasedHolder, _ network: consuming Connected?,
    _ command: consuming CommandProcess, _ host: consuming HostWatch, _ recorder: consuming Recorder,
    _ launcher: LauncherSocket
  ) throws -> WaitStatus {
    do {
      var supervisor = Supervisor(blueprint, holder, network, command, host, recorder, launcher)
      do {
        return try supervisor.serve()
      } catch {
        supervisor.recorder.end(nil)
        throw error
      }
    } catch {
      throw error as? JailFailure ?? .supervisorFailed(Cause(error))
    }
  }

  private mutating func serve() throws -> WaitStatus {
    // The table with the way out in it: reading it back takes time that the command need not wait for.
    _ = try apply(network?.uplink.checkRoutes() ?? [], now: .now)
    while true {
      var agenda = agenda()
      if !isIdle && !holder.isPending && agenda.deadline == nil { becomeIdle() }
      // What it counts may wait for minutes, and keeps nobody from being idle.
      agenda.add(recorder, Event.recorder)
      let (ready, now) = try wait(agenda.interests, until: agenda.deadline)
      for event in ready + agenda.due(now) {
        if let end = try apply(dispatch(event, now: now), now: now) {
          network.take()?.release()
          // Whoever is left could change the record.
          Descendants.killAll()
          recorder.end(end)
          return end
        }
      }
    }
  }

  /// All that is waited for: what comes first is handled first. A holder that could not execute says why, and then ends. Before
  /// a question is passed on, the host may have other name servers.
  private func agenda() -> Agenda<Event> {
    var agenda = Agenda<Event>()
    agenda.add(holder, Event.holder)
    agenda.add(command, Event.command)
    agenda.add(host, Event.host)
    agenda.add(holder.resolverCover, Event.resolverCover)
    switch network {
    case .some(let network):
      agenda.add(network.pasta, Event.pasta)
      agenda.add(network.names, Event.names)
      agenda.add(network.refusals, Event.refusals)
      agenda.add(network.uplink, Event.uplink)
    case nil: break
    }
    return agenda
  }

  private mutating func dispatch(_ event: Event, now: Instant) throws -> [Effect] {
    switch event {
    case .holder(let event): return try holder.handle(event, now: now)
    case .command(let event): return try command.handle(event, now: now)
    case .pasta(let event): return network?.pasta.handle(event, now: now) ?? []
    case .host(let event): return try host.handle(event, now: now)
    case .names(let event):
      if event?.isQuestion == true { _ = try apply(host.nameIsAsked(), now: now) }
      return network?.names.handle(event, now: now) ?? []
    case .refusals(let event): return network?.refusals.handle(event, now: now) ?? []
    case .resolverCover(let event): return holder.resolverCover.handle(event, now: now)
    case .uplink(let event): return network?.uplink.handle(event, now: now) ?? []
    case .recorder(let event): return recorder.handle(event, now: now)
    }
  }

  /// What follows; how the command ended, if it has.
  private mutating func apply(_ effects: [Effect], now: Instant) throws -> WaitStatus? {
    for effect in effects {
      switch effect {
      case .hostChanged: follow()
      case .cut(let reason): cut(reason)
      case .refused(let packet): recorder.refused(packet, by: plan, now: now)
      case .nameAsked(let name): recorder.asked(name, now: now)
      case .nameAnswered(let name, let addresses): recorder.answered(name, addresses)
      case .tell(let text): Process.complain("claude-sandbox: \(text)\n")
      case .forward(let signal): command.send(signal)
      case .reaped(let child): holder.resolverCover.ended(child)
      case .ended(let status): return status
      }
    }
    return nil
  }

  /// Keeps the walls true: what the host's network has become, the jail's walls become.
  private mutating func follow() {
    do {
      let (facts, resolver) = try HostNetwork.current()
      holder.resolverCover.show(resolver.jailText)
      try network?.follow(facts, resolver.resolvers, blueprint.configuration)
    } catch {
      cut("the walls could not follow the host's network (\(error))")
    }
  }

  /// The plan of now. A jail whose network was cut keeps the one that it began with.
  private var plan: Plan {
    switch network {
    case .some(let network): network.plan
    case nil: blueprint.plan
    }
  }

  /// Takes the network away for good.
  private mutating func cut(_ reason: String) {
    guard let network = network.take() else { return }
    network.cut()
    Process.complain("claude-sandbox: \(reason); the jail has no network any more\n")
  }

  /// The launch is over, and nothing is to be done until something happens.
  private mutating func becomeIdle() {
    isIdle = true
    recorder.prune()
    Process.releaseText()
    try? launcher.send(.idle)
  }
}

/// What is waited for in one turn.
struct Agenda<Event> {
  private(set) var interests: [Interest<Event>] = []
  private var timers: [(moment: Instant, event: Event)] = []

  mutating func add<S: Service & ~Copyable>(_ service: borrowing S, _ name: (S.Event?) -> Event) {
    for interest in service.interests { interests.append(interest.map(name)) }
    if let moment = service.deadline { timers.append((moment, name(nil))) }
  }

  var deadline: Instant? { timers.map(\.moment).min() }

  /// The deadlines that have come.
  func due(_ now: Instant) -> [Event] { timers.filter { $0.moment <= now }.map(\.event) }
}
