import Linux

/// The process outside the jail that holds its windows: it programs the walls, answers name queries and
/// refused packets, and ends everything when the command ends. It has no privilege that its user does not
/// have.
enum Supervisor {
  /// The supervisor's whole life, from its fork to its end.
  static func run(_ blueprint: Blueprint, launcher: consuming DatagramSocket) -> Never {
    let report: SupervisorReport
    do {
      report = .ended(try supervise(blueprint, launcher))
    } catch let failure as LaunchFailure {
      report = .failed(failure)
    } catch {
      report = .failed(.step(.supervise, "\(error)"))
    }
    Descendants.killAll()
    try? launcher.send(report.bytes)
    Process.exit(0)
  }

  private static func supervise(
    _ blueprint: Blueprint, _ launcher: borrowing DatagramSocket
  ) throws -> WaitStatus {
    try Process.becomeSubreaper()
    try Signals.block(Signals.forwarded + Signals.background + [Signals.child])
    let pair = try DatagramPair()
    let supervisor = Process.id
    let holder = try Process.fork()
    if holder == 0 {
      Holder.run(blueprint, supervisor: supervisor, link: pair.keepSecond())
    }
    // Only after the fork: the command stays in the caller's session and process group, and the terminal's
    // signals do not come here.
    try Process.newSession()
    try Process.leaveStandardStreams()
    var session = try Session(
      blueprint, holder: holder, link: pair.keepFirst(), launcher: launcher.descriptor.rawValue)
    if let end = try session.launch(launcher) { return end }
    do {
      return try session.serve(launcher)
    } catch let failure as LaunchFailure {
      throw failure
    } catch {
      throw LaunchFailure.supervisorFailed("\(error)")
    }
  }
}
