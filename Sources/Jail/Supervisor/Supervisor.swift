import Linux
import Policy
import Record

/// Step 11, in the process outside the jail that holds its sockets: it serves what a running jail needs, as one loop over events.
/// It has no privilege that its user does not have.
struct Supervisor: ~Copyable {
  /// What can happen. A service's nil is its deadline.
  private enum Event {
    case holder(ReleasedHolder.Event?)
    case command(CommandProcess.Event?)
    case pasta(Pasta.Running.Event?)
    case host(HostWatch.Event?)
    case files(ConfigurationWatch.Event?)
    case questions(DNSForwarder.Event?)
    case names(NameGateway.Event?)
    case relay(RelayLink.Event?)
    case refusals(RefusalResponder.Event?)
    case routing(JailRouting.Event?)
    case resolverCover(ResolverCover.Event?)
    case uplink(Uplink.Event?)
    case control(ControlSocket.Event?)
    case recorder(Recorder.Event?)
    case ports(Ports.Event?)
  }

  private let blueprint: Blueprint
  private let launcher: LauncherSocket
  private var holder: ReleasedHolder
  private var command: CommandProcess
  /// nil without a network, and once it was cut.
  private var network: Connected?
  private let routing: JailRouting
  private var refusals: RefusalResponder
  private var host: HostWatch
  private var recorder: Recorder
  private var files: ConfigurationWatch
  private var live: LiveConfiguration
  /// What the host's resolv.conf says.
  private var resolver: ResolverConfiguration
  private var control: ControlSocket
  private let ports: Ports
  private var isIdle = false

  init(
    _ blueprint: Blueprint, _ launcher: LauncherSocket, holder: consuming ReleasedHolder,
    command: consuming CommandProcess, network: consuming Connected?, routing: JailRouting,
    refusals: consuming RefusalResponder, recorder: consuming Recorder,
    ports: Ports, host: consuming HostWatch, files: consuming ConfigurationWatch,
    control: consuming ControlSocket
  ) {
    self.blueprint = blueprint
    self.launcher = launcher
    self.holder = holder
    self.command = command
    self.network = consume network
    self.routing = routing
    self.refusals = refusals
    self.host = host
    self.recorder = recorder
    self.ports = ports
    self.files = files
    live = LiveConfiguration(blueprint.configuration)
    resolver = blueprint.resolver
    self.control = control
  }

  /// Serves the jail until its command has ended; how it did.
  mutating func serve() throws(JailFailure) -> WaitStatus {
    do {
      return try serveAll()
    } catch {
      recorder.end(nil)
      throw error as? JailFailure ?? .supervisorFailed(Cause(error))
    }
  }

  private mutating func serveAll() throws -> WaitStatus {
    // The table with the way out in it: reading it back takes time that the command need not wait for.
    _ = try apply(routing.check(), now: .now)
    while true {
      var agenda = agenda()
      if !isIdle && !holder.isPending && agenda.isQuiet { becomeIdle() }
      // What it counts may wait for minutes, and keeps nobody from being idle.
      agenda.add(recorder, Event.recorder)
      agenda.add(ports.nextLook, Event.ports(nil))
      let (ready, now) = try wait(agenda.interests, until: agenda.deadline)
      for event in ready + agenda.due(now) {
        if let end = try apply(dispatch(event, now: now), now: now) {
          refusals.release()
          files.release()
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
    agenda.add(files, Event.files)
    agenda.add(holder.resolverCover, Event.resolverCover)
    agenda.add(control, Event.control)
    agenda.add(routing, Event.routing)
    switch network {
    case .some(let network):
      agenda.add(network.questions, Event.questions)
      switch network.names {
      case .some(let names):
        // What the relay says frees what a new connection needs.
        agenda.add(names.relay, Event.relay)
        agenda.add(names.gateway, Event.names)
      case nil: break
      }
      switch network.way {
      case .some(let way):
        agenda.add(way.pasta, Event.pasta)
        agenda.add(way.uplink, Event.uplink)
      case nil: break
      }
    case nil: break
    }
    agenda.add(ports, Event.ports)
    agenda.add(refusals, Event.refusals)
    return agenda
  }

  private mutating func dispatch(_ event: Event, now: Instant) throws -> [Effect] {
    switch event {
    case .holder(let event): return try holder.handle(event, now: now)
    case .command(let event): return try command.handle(event, now: now)
    case .pasta(let event): return network?.way?.pasta.handle(event, now: now) ?? []
    case .host(let event): return try host.handle(event, now: now)
    case .files(let event): return files.handle(event, now: now)
    case .questions(let event):
      if event?.isQuestion == true { _ = try apply(host.nameIsAsked(), now: now) }
      return network?.questions.handle(event, now: now) ?? []
    case .names(let event): return network?.names?.gateway.handle(event, now: now) ?? []
    case .relay(let event): return network?.names?.relay.handle(event, now: now) ?? []
    case .refusals(let event): return refusals.handle(event, now: now)
    case .routing(let event): return routing.handle(event, now: now)
    case .resolverCover(let event): return holder.resolverCover.handle(event, now: now)
    case .uplink(let event): return network?.way?.uplink.handle(event, now: now) ?? []
    case .control(let event): return control.handle(event, now: now)
    case .recorder(let event): return recorder.handle(event, now: now)
    case .ports(let event): return ports.handle(event, now: now)
    }
  }

  /// What follows; how the command ended, if it has.
  private mutating func apply(_ effects: [Effect], now: Instant) throws -> WaitStatus? {
    for effect in effects {
      switch effect {
      case .hostChanged: _ = try apply(follow(), now: now)
      case .configurationRead(let reading): _ = try apply(follow(reading), now: now)
      case .cut(let reason): cut(reason)
      case .refused(let packet): recorder.refused(packet, by: plan, now: now)
      case .nameAsked(let name): recorder.asked(name, now: now)
      case .nameAnswered(let name, let addresses): recorder.answered(name, addresses)
      case .nameRefused(let name):
        recorder.refused(NamedRefusal(question: name, plan.names), by: .unknown, now: now)
      case .nameWanted(let name): _ = try apply(network?.questions.find(name, now: now) ?? [], now: now)
      case .nameFound(let name, let result):
        _ = try apply(network?.names?.gateway.found(name, result, now: now) ?? [], now: now)
      case .connectionRefused(let connection):
        recorder.refused(NamedRefusal(connection, plan.names), by: connection.sender, now: now)
      case .relay(let report): _ = try apply(network?.names?.gateway.reported(report) ?? [], now: now)
      case .relayEnded: cutNames("their relay has ended")
      case .namesCut(let reason): cutNames(reason)
      case .configuration(let event): recorder.configured(event)
      case .port(let event): recorder.changed(event)
      case .connected(let client, .some(let box), _): control.answer(client, passing: box.socket)
      case .connected(let client, nil, let error): control.refuse(client, errnoText(error))
      case .asked(let request, let client):
        try answer(request, client, now: now)
      case .tell(let text): Process.complainAtOnce("claude-sandbox: \(text)\n")
      case .forward(let signal): command.send(signal)
      case .reaped(let child): holder.resolverCover.ended(child)
      case .ended(let status): return status
      }
    }
    return nil
  }

  private mutating func answer(_ request: ControlRequest, _ client: UInt64, now: Instant) throws {
    var effects: [Effect] = []
    switch request {
    case .status: break
    case .reload:
      _ = try apply(follow(), now: now)
      _ = try apply(files.reread(now: now), now: now)
    case .listening:
      var status = status
      status.listening = ports.listening.map { $0.sorted().prefix(JailStatus.mostListening).map(Int.init) }
      return control.answer(client, status)
    case .connect(let port):
      _ = try apply(ports.connect(toJail: port, for: client, now: now), now: now)
      return
    case .publish(let port):
      guard port.isOnLoopback else {
        return control.refuse(
          client, "only a line of /etc/claude-sandbox.conf publishes at an address that is not loopback")
      }
      if let (line, reason) = live.current.collision(with: .published(port)) {
        return control.refuse(client, "\(reason): \(line.value)")
      }
      do throws(SystemCallError) {
        effects = try ports.publish(port, .request, now: now).effects
      } catch {
        return control.refuse(client, "\(error)")
      }
    case .unpublish(let port):
      guard let closed = ports.unpublish(port, now: now) else {
        return control.refuse(client, "nobody has asked for it by claude-sandbox publish or --publish")
      }
      effects = closed
    }
    _ = try apply(effects, now: now)
    control.answer(client, status)
  }

  /// Keeps the walls true: what the host's network has become, the jail's walls become.
  private mutating func follow() -> [Effect] {
    do {
      let (facts, resolver) = try HostNetwork.current()
      let effects = try network?.follow(facts, resolver, live.current, &refusals) ?? []
      self.resolver = resolver
      coverFiles()
      return effects
    } catch {
      cut("the walls could not follow the host's network (\(error))")
      return []
    }
  }

  /// Becomes what the administrator's files say. It is planned and measured before anything is touched; what cannot be, changes
  /// nothing. Where the command could have written the files, it is followed as far as it closes something.
  private mutating func follow(_ reading: ConfigurationReading) -> [Effect] {
    do throws(LaunchFailure) {
      let plan = network?.plan
      let change = ConfigurationChange(
        from: live.current, to: try blueprint.limits.applied(to: reading.result.get(), isRunning: true),
        mayWiden: reading.isAsked || !TrustedFile.isWrittenByCaller,
        means: plan.map(ConfigurationChange.Means.init) ?? .all)
      switch (plan, change.configuration.network) {
      case (nil, _): break
      case (_, let mode) where mode.value == .none:
        cut("\(mode.location.map { "\($0): " } ?? "")network = none")
      case (.some(let plan), _):
        let (facts, resolver) = try facts()
        return become(try Plan.measured(change.configuration, facts, keeping: plan), resolver)
          + accept(change)
      }
      return accept(change)
    } catch {
      return live.reject(error)
    }
  }

  private mutating func accept(_ change: ConfigurationChange) -> [Effect] {
    let effects = live.accept(change) + ports.use(change.configuration, now: .now)
    coverFiles()
    return effects
  }

  /// What the jail reads in place of the host's files follows the host's, and the configuration.
  private mutating func coverFiles() {
    holder.resolverCover.show(
      CoveredFile.all(resolver, plan.gateway, hasHostPorts: !live.current.hostPorts.isEmpty))
  }

  private mutating func facts() throws(LaunchFailure) -> (HostFacts, ResolverConfiguration) {
    do {
      return try HostNetwork.current()
    } catch {
      files.tryAgain(now: .now)
      throw .jail(LaunchStep.facts.failure(error))
    }
  }

  /// Halfway to another plan nothing is certain, so a failure ends the network.
  private mutating func become(_ plan: Plan, _ resolver: ResolverConfiguration) -> [Effect] {
    do {
      let effects = try network?.follow(plan, resolver, &refusals) ?? []
      self.resolver = resolver
      return effects
    } catch {
      cut("the walls could not follow the configuration (\(error))")
      return []
    }
  }

  /// What this jail is now, for whoever may ask.
  private var status: JailStatus {
    var status = control.jail
    switch network {
    case .some(let network):
      let use = network.nameUse
      (status.names, status.connections) = (use?.names, use?.connections)
    case nil: if status.network != NetworkMode.none.rawValue { status.network = JailStatus.cut }
    }
    status.ports = ports.status
    status.refused = recorder.refused
    status.recordProblem = recorder.failure
    status.configurationProblem = live.problem
    status.waitingKeys = live.waiting
    status.isWatched = files.isWatched
    return status
  }

  /// The plan of now. A jail whose network was cut keeps the one that it began with.
  private var plan: Plan {
    switch network {
    case .some(let network): network.plan
    case nil: blueprint.plan
    }
  }

  /// Takes the network away for good. Without one there is only the refusal link to let go of.
  private mutating func cut(_ reason: String) {
    guard let network = network.take() else {
      routing.stop()
      refusals.leaveLink()
      return
    }
    network.cut()
    refusals.leaveUplink()
    recorder.cut(reason)
    Process.complainAtOnce("claude-sandbox: \(reason); the jail has no network any more\n")
  }

  /// Takes the names away for good: they cannot be answered for any more. What is reached by address stays.
  private mutating func cutNames(_ reason: String) {
    do {
      guard try network?.cutNames() == true else { return }
    } catch {
      return cut("the link to the names could not be taken away (\(error))")
    }
    recorder.cut("names: \(reason)")
    Process.complainAtOnce("claude-sandbox: names: \(reason); the jail reaches nothing by name any more\n")
  }

  /// The launch is over, and nothing is to be done until something happens.
  private mutating func becomeIdle() {
    isIdle = true
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

  mutating func add(_ moment: Instant?, _ event: Event) {
    if let moment { timers.append((moment, event)) }
  }

  var deadline: Instant? { timers.map(\.moment).min() }

  /// Whether nothing is to be done in the next seconds, unless something happens.
  var isQuiet: Bool { deadline.map { .now + .seconds(5) < $0 } ?? true }

  /// The deadlines that have come.
  func due(_ now: Instant) -> [Event] { timers.filter { $0.moment <= now }.map(\.event) }
}
