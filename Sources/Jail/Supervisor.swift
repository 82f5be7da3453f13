import Linux

/// The process outside the jail that holds its windows: it programs the walls, answers name queries and
/// refused packets, and ends everything when the command ends. It has no privilege that its user does not
/// have.
enum Supervisor {
  /// The supervisor's whole life, from its fork to its end.
  static func run(_ blueprint: Blueprint, launcher: CInt, link: consuming DatagramSocket) -> Never {
    let report: SupervisorReport
    do {
      report = .ended(try supervise(blueprint, launcher, link))
    } catch let failure as LaunchFailure {
      report = .failed(failure)
    } catch {
      report = .failed(.step(.supervise, "\(error)"))
    }
    Descendants.killAll()
    try? link.send(report.bytes)
    Process.exit(0)
  }

  private static func supervise(
    _ blueprint: Blueprint, _ launcher: CInt, _ link: borrowing DatagramSocket
  ) throws -> WaitStatus {
    try Process.becomeSubreaper()
    try Signals.block(Signals.forwarded + Signals.background + [Signals.child])
    // Before the holder, whose seal names it.
    let pasta = try blueprint.pasta.map {
      try Pasta.start($0, plan: blueprint.plan, templateLink: Pasta.templateLink(blueprint.facts))
    }
    let pair = try DatagramPair()
    let own = OwnProcesses(
      launcher: launcher, group: Process.group, supervisor: Process.id, pasta: Self.process(pasta))
    let holder = try Process.fork()
    if holder == 0 {
      Holder.run(blueprint, own: own, link: pair.keepSecond())
    }
    // Only after the fork: the holder writes its own maps, and pasta opens its namespaces.
    try Process.hide()
    // Only after the fork: the command stays in the caller's session and process group, and the terminal's
    // signals do not come here.
    try Process.newSession()
    try Process.leaveStandardStreams()
    var session = try Session(
      blueprint, pasta: pasta, holder: holder, link: pair.keepFirst(),
      launcher: link.descriptor.rawValue)
    if let end = try session.launch(link) { return end }
    do {
      return try session.serve(link)
    } catch let failure as LaunchFailure {
      throw failure
    } catch {
      throw LaunchFailure.supervisorFailed("\(error)")
    }
  }

  private static func process(_ pasta: borrowing Pasta.Running?) -> CInt? {
    switch pasta {
    case .some(let pasta): pasta.process
    case nil: nil
    }
  }
}
