import Linux

/// The supervisor's process, from its fork to its end.
enum SupervisorProcess {
  /// Does the supervisor's work, ends everything, and says how it went.
  static func run(
    _ blueprint: Blueprint, _ launcher: LauncherSocket,
    _ supervise: (Blueprint, LauncherSocket) throws -> WaitStatus
  ) -> Never {
    let report: SupervisorReport
    do throws(JailFailure) {
      report = .ended(
        try LaunchStep.supervise.run {
          try Process.becomeSubreaper()
          try Signals.block(Signals.forwarded + Signals.background + [Signals.child, Signals.fileSize])
          return try supervise(blueprint, launcher)
        })
    } catch .interrupted(let status) {
      report = .ended(status)
    } catch {
      report = .failed(error)
    }
    Descendants.killAll()
    try? launcher.send(report)
    Process.exit(0)
  }

  /// Only after the holder's fork: the command stays in the caller's session and process group, and the terminal's signals do not
  /// come here. The holder writes its own maps, and pasta opens its namespaces, so neither may be hidden.
  static func leaveTerminal() throws {
    try Process.hide()
    try Process.newSession()
    try Process.leaveStandardStreams()
  }
}
