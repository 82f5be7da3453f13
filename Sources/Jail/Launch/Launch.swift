public import Linux
public import Policy

/// A launch, from the caller's words to the command in its jail. The order is the security argument: each
/// step succeeds, or throws and nothing is ever executed.
///
/// Three processes take part, and a relay where names have a gateway. The *launcher* is the shell's child, which stops, continues and
/// ends as the command does. It forks the *supervisor*, which stays outside and forks the *holder*, which becomes the command. See
/// ARCHITECTURE.md.
public enum Launch {
  /// The launcher. Returns the command's status, or replaces this process when there is to be no jail.
  ///
  /// `network`, if given, can only close what the configuration opens. Without `override` the environment
  /// cannot switch the jail off.
  public static func run(
    _ command: Command, network: NetworkMode? = nil, publish: [PublishedPort] = [], override: Bool = true,
    report: LaunchReport? = nil
  ) throws(Refusal) -> WaitStatus {
    var overrideAllowed = true
    do throws(LaunchFailure) {
      // 1. Nothing has been created yet, so every complaint can be made at once.
      try LaunchStep.read.launch { try Process.openStandardDescriptors() }
      let files = try ConfigurationFiles.texts()
      let administrator = try files.parsed()
      overrideAllowed = administrator.allowOverride.value
      let wish = override ? command.environment[Override.variable] : nil
      guard try Override.wantsJail(environment: wish, administrator) else {
        try withoutJail(command, administrator)
      }
      // What is started in a jail stays there: the project's file is the command's to change by now.
      if network == nil && Confinement.isJail(administrator) {
        guard publish.isEmpty else { throw LaunchFailure.publishInJail }
        try execute(command)
      }
      let limits = try LaunchLimits(network, administrator)
      let configuration = try limits.applied(to: administrator)
      try configuration.check(publish: publish)
      try StandardStreams.check()
      Signals.prepareForChildren()
      let descriptors = try NamedDescriptors(in: command.arguments)
      // Nothing else that the caller had open reaches any of the processes that follow.
      try LaunchStep.read.launch { try descriptors.closeOthers() }
      // 2.
      try Prerequisites.check(configuration)
      let pasta = try Prerequisites.preflight(configuration)
      // 3.
      let (facts, resolver) = try LaunchStep.facts.launch { try HostNetwork.current() }
      // 4.
      let plan = try Plan.measured(configuration, facts)
      let blueprint = Blueprint(
        configuration: configuration, limits: limits, files: files.digest, plan: plan, facts: facts,
        resolver: resolver,
        coveredFiles: CoveredFile.all(
          resolver, plan.gateway, hasHostPorts: !configuration.hostPorts.isEmpty), pasta: pasta,
        command: command,
        descriptors: descriptors,
        ignoresHangup: Signals.isIgnored(Signals.hangup), publish: publish, report: report)
      // 5. to 11. From here on this process only mirrors the command.
      return try LaunchStep.supervise.launch {
        try Launcher.start(blueprint) { SupervisorProcess.run(blueprint, $0, supervise) }
      }
    } catch {
      throw Refusal(failure: error, overrideAllowed: overrideAllowed)
    }
  }

  /// The supervisor. Returns how the command ended.
  private static func supervise(_ blueprint: Blueprint, _ launcher: LauncherSocket) throws -> WaitStatus {
    var step = LaunchStep.supervise
    do {
      // 8. begins: pasta's process is there before the holder, whose seal protects it.
      var launching = try blueprint.pasta.map { try Launching($0, blueprint) }
      let relay = try blueprint.plan.gateway.map { _ in try RelayProcess.start() }
      let portRelay = try blueprint.hasConnectionsByPort ? RelayProcess.start() : nil
      let own = OwnProcesses(
        launcher: launcher.process, launching, relays: [relay, portRelay].compactMap { $0?.process })
      // Before the holder hides where it is.
      var recorder = Recorder(blueprint, jail: launcher.process)
      // 5. to 7. begin.
      let holder = try HolderSocket.fork(launcher, own) { hold(blueprint, $0) }
      blueprint.descriptors.close()
      try SupervisorProcess.leaveTerminal()
      // What does not need the holder, while it makes its namespaces: nothing waits for it then.
      recorder.open()
      if blueprint.plan.gateway != nil {
        // The command has the caller's limit.
        _ = try Process.raiseDescriptorLimit(to: NameGateway.wantedDescriptors)
      }
      let command = try CommandProcess(holder.process, launcher: launcher)
      let host = try HostWatch()
      let files = ConfigurationWatch(blueprint.files)
      let control = ControlSocket(.init(blueprint, launcher: launcher.process))
      step = .uplink  // 8., and 9. beside it: the holder seals itself while pasta starts.
      var filtered: Filtered?
      if let launching = launching.take() {
        filtered = try launching.attach(holder.tap(), of: holder.process, launcher.wait)
      }
      let sockets = try holder.sockets()
      let supply = try SocketSupply(besides: holder.process)
      let directory = blueprint.plan.names.map { NameDirectory($0) }
      var preparing = try blueprint.plan.gateway.map { try NamesNamespace.begin($0, besides: holder.process) }
      let routing = try JailRouting(blueprint.plan, owning: sockets.netlink, events: sockets.events)
      var refusals = RefusalResponder(
        sockets.refusals, routing.refusals, command: holder.process,
        except: Set([own.pasta].compactMap { $0 } + own.relays), now: .now)
      let ports = Ports(
        supply, senders: refusals.senders, guests: blueprint.plan.ownAddresses, relay: portRelay)
      let opened = try ports.open(blueprint, launcher.wait)
      var names: Names?
      if let preparing = preparing.take(), let relay, let directory {
        names = try preparing.finish(
          directory, blueprint.resolver, routing, relay, refusals.senders, launcher.wait)
      }
      var closed: Closed?
      if let filtered = filtered.take() {
        closed = try filtered.connect(holder.droppedFrames(), routing, &refusals)
      } else {
        try routing.configure(blueprint.plan)
      }
      let questions = blueprint.plan.network == .none ? nil : try holder.questions()
      let sealed = try holder.sealed(blueprint.coveredFiles)
      var way: OpenUplink?
      if let closed = closed.take() { way = try closed.open(launcher.wait) }
      let network = Connected(blueprint, way.take(), questions, directory, names.take(), routing)
      step = .supervise
      // 10. begins.
      let released = try sealed.go(network)
      recorder.start()
      for event in opened { recorder.changed(event) }
      // 11.
      var supervisor = Supervisor(
        blueprint, launcher, holder: released, command: command, network: network, routing: routing,
        refusals: refusals, recorder: recorder, ports: ports, host: host, files: files, control: control)
      return try supervisor.serve()
    } catch {
      throw step.failure(error)
    }
  }

  /// The holder. Becomes the command.
  private static func hold(_ blueprint: Blueprint, _ holder: consuming Holder) -> Never {
    var step = LaunchStep.isolate
    do {
      try Process.dieWithParent(holder.own.supervisor)
      // 5.
      let isolated = try IsolatedJail.enter()
      step = .wall  // 6.
      let walled = try isolated.raiseWall(blueprint.plan)
      step = .sockets  // 7.
      let unsealed = try walled.openSockets(blueprint.plan, for: holder.socket)
      step = .seal  // 9.
      let sealed = try unsealed.seal(blueprint, holder.own)
      try holder.awaitGo(sealed)
      step = .execute  // 10.
      try sealed.execute(blueprint.command)
    } catch {
      Process.exit(holder.report(step.failure(error)))
    }
  }
}
