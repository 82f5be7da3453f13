import Linux
import Netlink
import Policy

/// A jail from its holder's fork to its command's end, as one loop over descriptors.
struct Session: ~Copyable {
  private let blueprint: Blueprint
  private var plan: Plan
  /// How often the command was stopped, by which signal it is stopped now, and how it ended.
  private var stops: UInt8 = 0
  private var stopSignal: CInt?
  private var end: WaitStatus?
  private let holder: CInt
  private let launcher: CInt
  private let signals: FileDescriptor
  private var link: DatagramSocket?
  /// The filtered tap, until the uplink has it.
  private var tap: Tap?
  private var uplink: Uplink?
  private var pasta: Pasta.Running?
  private var names: DNSForwarder?
  private var refusals: RefusalResponder?
  private var host: HostWatch?
  private var resolverFile: ResolverCover?
  private var jailEvents: FileDescriptor?
  private var jail: RoutingEvents?

  init(
    _ blueprint: Blueprint, pasta: consuming Pasta.Running?, holder: CInt,
    link: consuming DatagramSocket, launcher: CInt
  ) throws {
    self.pasta = consume pasta
    let signals = try Signals.descriptor(for: Signals.forwarded + [Signals.child])
    self.blueprint = blueprint
    self.plan = blueprint.plan
    self.holder = holder
    self.launcher = launcher
    self.signals = signals
    self.link = consume link
  }

  /// Steps 8 and 9 side by side: the holder seals itself while pasta starts. Neither opens anything without
  /// the other. The status with which everything ended if a signal came before the command ran; nil when it
  /// runs.
  mutating func launch(_ launcher: borrowing DatagramSocket) throws -> WaitStatus? {
    var sealed = false
    var ready = !plan.hasUplink
    while !(sealed && ready) {
      var interests = [Interest.readable(self.launcher)]
      if let link = linkDescriptor { interests.append(.readable(link)) }
      if let readiness = readinessDescriptor, !ready { interests.append(.readable(readiness)) }
      let events = try poll(interests)
      if events.contains(self.launcher) {
        guard let message = try launcher.receive() else { throw LaunchFailure.launcherDied }
        if case .forward(let signal) = LauncherRequest(message.bytes), signal != Signals.stop {
          return WaitStatus(rawValue: signal)
        }
      }
      if let link = linkDescriptor, events.contains(link) {
        guard let report = try receiveReport() else { return try holderEnded() }
        switch report {
        case .tap(let descriptors): try connect(tap: descriptors)
        case .windows(let descriptors): try connect(windows: descriptors)
        case .sealed(let descriptors):
          try keep(namespaces: descriptors)
          sealed = true
        case .failed(let failure): throw failure
        }
      }
      if let readiness = readinessDescriptor, !ready, events.contains(readiness) {
        try checkPastaIsReady()
        ready = true
      }
    }
    do {
      try uplink?.open()
      if let events = jailEvents.take() { jail = try RoutingEvents(owning: events) }
    } catch {
      throw LaunchFailure.step(.uplink, "\(error)")
    }
    try link?.send([Holder.go])
    return nil
  }

  /// A signal that was for the command, as the terminal's Ctrl-C is, found the holder.
  private func holderEnded() throws -> WaitStatus {
    guard let (_, status) = try Process.wait(holder), status.terminationSignal != nil else {
      throw LaunchFailure.step(.seal, "the holder ended")
    }
    return status
  }

  private var linkDescriptor: CInt? {
    switch link {
    case .some(let link): link.descriptor.rawValue
    case nil: nil
    }
  }

  private var readinessDescriptor: CInt? {
    switch pasta {
    case .some(let pasta): pasta.readiness.rawValue
    case nil: nil
    }
  }

  /// nil when the holder has gone.
  private mutating func receiveReport() throws -> HolderReport? {
    guard let message = try link?.receive() else { return nil }
    return HolderReport(message)
  }

  private mutating func connect(tap descriptors: [CInt]) throws {
    do {
      guard descriptors.count == 1 else { throw SystemCallError("recvmsg", "tap", errno: Errno.EPROTO) }
      let tap = try Uplink.filtered(FileDescriptor(owning: descriptors[0]), by: plan)
      try pasta?.connect(tap, of: holder)
      self.tap = consume tap
    } catch {
      throw LaunchFailure.step(.uplink, "\(error)")
    }
  }

  /// By which the jail's resolv.conf is covered again.
  private mutating func keep(namespaces descriptors: [CInt]) throws {
    do {
      guard descriptors.count == 2 else {
        throw SystemCallError("recvmsg", "namespaces", errno: Errno.EPROTO)
      }
      resolverFile = try ResolverCover(
        userNamespace: FileDescriptor(owning: descriptors[0]),
        mountNamespace: FileDescriptor(owning: descriptors[1]), holder: holder,
        text: blueprint.resolver.jailText)
      host = try HostWatch()
    } catch {
      throw LaunchFailure.step(.seal, "\(error)")
    }
  }

  private mutating func connect(windows descriptors: [CInt]) throws {
    do {
      guard descriptors.count == 5, let tap = tap.take() else {
        throw SystemCallError("recvmsg", "windows", errno: Errno.EPROTO)
      }
      let kernel = FileDescriptor(owning: descriptors[0])
      jailEvents = FileDescriptor(owning: descriptors[1])
      let packets = FileDescriptor(owning: descriptors[2])
      let udp = FileDescriptor(owning: descriptors[3])
      let tcp = FileDescriptor(owning: descriptors[4])
      var uplink = try Uplink(plan, tap: tap, kernel: NetlinkSocket(owning: kernel))
      try uplink.configure()
      names = DNSForwarder(udp: udp, tcp: tcp, resolvers: blueprint.resolver.resolvers)
      refusals = RefusalResponder(
        packets: PacketSocket(owning: packets),
        refusal: ICMPRefusal(
          uplink: uplink.linkAddress, gateway: Pasta.linkAddress, gateways: plan.gateways),
        now: monotonicMilliseconds())
      self.uplink = consume uplink
    } catch {
      throw LaunchFailure.step(.uplink, "\(error)")
    }
  }

  private mutating func checkPastaIsReady() throws {
    var line = [UInt8](repeating: 0, count: 64)
    if try pasta?.readiness.read(into: &line) ?? 0 > 0 { return }
    let words = try pasta?.complaints.readAll(limit: 65536) ?? []
    throw LaunchFailure.pasta(Pasta.lastLine(words))
  }

  /// Step 11, until the command has ended; how it did.
  mutating func serve(_ launcher: borrowing DatagramSocket) throws -> WaitStatus {
    var isIdle = false
    // The table with the way out in it: reading it back takes time that the command need not wait for.
    verify()
    while true {
      let timeout = timeout()
      if !isIdle && link == nil && timeout == nil {
        // The launch is over, and nothing is to be done until something happens.
        isIdle = true
        Process.releaseText()
        try? launcher.send(SupervisorReport.idle.bytes)
      }
      let due = [timeout, uplink?.relay.deadline.map { max(0, $0 - monotonicMilliseconds()) }].compactMap {
        $0
      }.min()
      let ready = try poll(interests(), timeout: due)
      let now = monotonicMilliseconds()
      // Before the signals: a holder that could not execute says why, and then ends.
      if let descriptor = linkDescriptor, ready.contains(descriptor) { try commandStarted() }
      if ready.contains(signals.rawValue) { try handleSignals(launcher) }
      if ready.contains(self.launcher) {
        guard let message = try launcher.receive() else { throw LaunchFailure.launcherDied }
        if let request = LauncherRequest(message.bytes) { try answer(request, launcher) }
      }
      if let end {
        // Nobody waits for what the kernel takes its time to close.
        let slow = [refusals.take()?.release()].compactMap { $0 }
        try? FileDescriptor.closeInBackground(slow)
        return end
      }
      if let complaints = complaintsDescriptor, ready.contains(complaints) { pasta?.listen() }
      if let end = pasta?.end.rawValue, ready.contains(end) { disconnect("pasta ended (\(pastaSaid))") }
      // Before a question is passed on, the host may have other name servers.
      let isAsked = names?.isAsked(ready: ready) == true
      let hasChanged = try host?.hasChanged(ready: ready, isAsked: isAsked, now: now) == true
      if hasChanged { follow() }
      names?.handle(ready: ready, now: now)
      uplink?.answer(with: &refusals, ready: ready, now: now)
      watchRelay(ready: ready, now: now)
      resolverFile?.handle(ready: ready)
      if let descriptor = jailDescriptor, ready.contains(descriptor) { verify() }
    }
  }

  private mutating func interests() -> [Interest] {
    var interests = [Interest.readable(launcher), .readable(signals.rawValue)]
    if let descriptor = jailDescriptor { interests.append(.readable(descriptor)) }
    if let link = linkDescriptor { interests.append(.readable(link)) }
    if let end = pasta?.end.rawValue { interests.append(.readable(end)) }
    if let complaints = complaintsDescriptor { interests.append(.readable(complaints)) }
    interests += names?.interests ?? []
    if let refusal = refusals?.interest { interests.append(refusal) }
    if let network = host?.interest { interests.append(network) }
    if let mounts = resolverFile?.interest { interests.append(mounts) }
    if let relay = uplink?.relay.interest { interests.append(relay) }
    return interests
  }

  private mutating func timeout() -> Int? {
    let deadlines = [names?.deadline, refusals?.deadline, host?.deadline].compactMap { $0 }
    return deadlines.min().map { max(0, $0 - monotonicMilliseconds()) }
  }

  /// Reaps what has ended, tells the launcher of a stop, and forwards what was sent to this process.
  private mutating func handleSignals(_ launcher: borrowing DatagramSocket) throws {
    while let delivery = try Signals.next(from: signals) {
      if delivery.signal != Signals.child { try? Process.kill(holder, delivery.signal) }
    }
    try reap(launcher)
  }

  private mutating func reap(_ launcher: borrowing DatagramSocket) throws {
    while let (pid, status) = try Process.waitForAny() {
      guard pid == holder else {
        resolverFile?.ended(pid)
        continue
      }
      if let signal = status.stopSignal {
        stops &+= 1
        stopSignal = signal
        try launcher.send(SupervisorReport.stopped(stops).bytes)
      } else if status.isContinued {
        stopSignal = nil
      } else {
        end = status
      }
    }
  }

  private mutating func answer(_ request: LauncherRequest, _ launcher: borrowing DatagramSocket) throws {
    // What has become of the command since, counts.
    try reap(launcher)
    guard end == nil else { return }
    switch request {
    case .forward(let signal):
      try Process.kill(holder, signal)
    case .confirm(let stop):
      guard stop == stops, let signal = stopSignal else { return }
      try launcher.send(SupervisorReport.confirmed(stop, signal).bytes)
    case .resume(let stop):
      if stop == stops, stopSignal != nil { try Process.kill(holder, Signals.continue) }
    }
  }

  /// The socket to the holder has closed, as execve(2) does it, or brings the reason why there was no execve.
  private mutating func commandStarted() throws {
    if let message = try link?.receive(), case .failed(let failure) = HolderReport(message) { throw failure }
    link = nil
  }

  private var pastaSaid: String {
    switch pasta {
    case .some(let pasta): Pasta.lastLine(pasta.lastWords)
    case nil: ""
    }
  }

  private var complaintsDescriptor: CInt? {
    switch pasta {
    case .some(let pasta): pasta.isSilent ? nil : pasta.complaints.rawValue
    case nil: nil
    }
  }

  /// Keeps the walls true: what the host's network has become, the jail's walls become.
  private mutating func follow() {
    do {
      let (facts, resolver) = try Launch.facts()
      names?.use(resolver.resolvers)
      resolverFile?.show(resolver.jailText)
      let next = try Plan.make(configuration: blueprint.configuration, facts: facts, keeping: plan)
      guard next != plan, uplink != nil else { return }
      try uplink?.follow(next)
      try refusals?.attach(FilterInstruction.list(next.filter.inverse))
      plan = next
    } catch {
      disconnect("the walls could not follow the host's network (\(error))")
    }
  }

  private var jailDescriptor: CInt? {
    switch jail {
    case .some(let jail): jail.descriptor
    case nil: nil
    }
  }

  /// Says when pasta stops reading, and when it reads again. It is no wall: without pasta nothing leaves the jail.
  private mutating func watchRelay(ready: Set<CInt>, now: Int) {
    do {
      switch try uplink?.watchRelay(ready: ready, now: now) {
      case .stopped:
        Process.complain(
          "claude-sandbox: pasta has stopped reading; the jail's network stands still (start it anew if this lasts)\n"
        )
      case .resumed: Process.complain("claude-sandbox: pasta reads again; the jail's network is back\n")
      case nil: break
      }
    } catch {
      disconnect("the uplink cannot be watched (\(error))")
    }
  }

  /// Nobody but this process may change the jail's routes.
  private mutating func verify() {
    do {
      try jail?.drain()
      try uplink?.verify()
    } catch {
      disconnect("the jail's routes were changed (\(error))")
    }
  }

  /// Cuts the uplink for good. Without pasta nobody reads the tap; without the link programs learn it at
  /// once.
  private mutating func disconnect(_ reason: String) {
    guard uplink != nil else { return }
    if let process = pasta?.process { try? Process.kill(process, Signals.kill) }
    try? uplink?.cut()
    uplink = nil
    names = nil
    refusals = nil
    pasta = nil
    jail = nil
    Process.complain("claude-sandbox: \(reason); the jail has no network any more\n")
  }
}
