import Linux

/// The process that the caller sees. It does nothing but mirror: signals go in, the command's stops and its
/// end come out. That the supervisor is another process, in a session of its own, keeps name service and
/// refusals alive while a job is stopped, and lets each of the two clean up after the other's death.
enum Launcher {
  private enum Event {
    case signal
    case report
  }

  /// Forks the supervisor, and mirrors the command until it ends.
  static func start(_ blueprint: Blueprint, supervisor run: (LauncherSocket) -> Never) throws -> WaitStatus {
    let pair = try DatagramPair()
    // The job-control signals too: this process stops when the command has stopped, not before.
    try Signals.block(Signals.forwarded + Signals.background)
    let signals = try Signals.descriptor(for: Signals.forwarded)
    try Process.becomeSubreaper()
    let launcher = Process.id
    let supervisor = try Process.fork()
    if supervisor == 0 { run(LauncherSocket(to: launcher, pair.keepSecond())) }
    try Process.hide()
    let socket = pair.keepFirst()
    blueprint.descriptors.close()
    try Process.leaveStandardStreams()
    return try mirror(supervisor, socket, signals)
  }

  private static func mirror(
    _ supervisor: CInt, _ socket: borrowing DatagramSocket, _ signals: borrowing FileDescriptor
  ) throws -> WaitStatus {
    let interests = [
      Interest.readable(signals.rawValue, Event.signal), .readable(socket.descriptor.rawValue, .report),
    ]
    while true {
      for event in try wait(interests).ready {
        switch event {
        case .signal:
          while let delivery = try Signals.next(from: signals) {
            if isForCommand(delivery) { try? socket.send(LauncherRequest.forward(delivery.signal).bytes) }
          }
        case .report:
          guard let report = SupervisorReport(try socket.receive()?.bytes ?? []) else {
            // The supervisor died. Its children are this process's now.
            Descendants.killAll()
            throw JailFailure.supervisorDied
          }
          if let end = try handle(report, socket, supervisor) { return end }
        }
      }
    }
  }

  /// The terminal's own signals have reached the command already: it is in the same process group. But when the terminal hangs up,
  /// the session's leader alone is told (tty_signal_session_leader in the kernel).
  private static func isForCommand(_ delivery: Signals.Delivery) -> Bool {
    !delivery.fromKernel || delivery.signal == Signals.hangup && Process.isSessionLeader
  }

  /// How the command ended, if it has.
  private static func handle(
    _ report: SupervisorReport, _ socket: borrowing DatagramSocket, _ supervisor: CInt
  ) throws -> WaitStatus? {
    switch report {
    case .failed(let failure):
      _ = try Process.wait(supervisor)
      throw failure
    case .idle:
      Process.releaseText()
    case .stopped(let stop):
      // Much may have happened since: a job that was continued meanwhile must not stop again.
      try? socket.send(LauncherRequest.confirm(stop).bytes)
    case .confirmed(let stop, let signal):
      try Signals.raiseDefault(signal)
      // Continued: perhaps this process alone, so the command is told.
      try? socket.send(LauncherRequest.resume(stop).bytes)
    case .ended(let status):
      _ = try Process.wait(supervisor)
      return status
    }
    return nil
  }
}
