import Linux

/// The process that the caller sees. It does nothing but mirror: signals go in, the command's stops and its
/// end come out. That the supervisor is another process, in a session of its own, keeps name service and
/// refusals alive while a job is stopped, and lets each of the two clean up after the other's death.
enum Launcher {
  static func start(_ blueprint: Blueprint) throws -> WaitStatus {
    let pair = try DatagramPair()
    // The job-control signals too: this process stops when the command has stopped, not before.
    try Signals.block(Signals.forwarded + Signals.background)
    let signals = try Signals.descriptor(for: Signals.forwarded)
    try Process.becomeSubreaper()
    let launcher = Process.id
    let supervisor = try Process.fork()
    if supervisor == 0 {
      Supervisor.run(blueprint, launcher: launcher, link: pair.keepSecond())
    }
    let link = pair.keepFirst()
    try Process.hide()
    try Process.leaveStandardStreams()
    return try mirror(supervisor, link, signals)
  }

  private static func mirror(
    _ supervisor: CInt, _ link: borrowing DatagramSocket, _ signals: borrowing FileDescriptor
  ) throws -> WaitStatus {
    while true {
      let ready = try poll([.readable(link.descriptor.rawValue), .readable(signals.rawValue)])
      if ready.contains(signals.rawValue) {
        while let delivery = try Signals.next(from: signals) {
          // The terminal's own signals have reached the command already: it is in the same process group.
          if !delivery.fromKernel { try? link.send(LauncherRequest.forward(delivery.signal).bytes) }
        }
      }
      guard ready.contains(link.descriptor.rawValue) else { continue }
      switch SupervisorReport(try link.receive()?.bytes ?? []) {
      case .failed(let failure):
        _ = try Process.wait(supervisor)
        throw failure
      case .idle:
        Process.releaseText()
      case .stopped(let stop):
        // Much may have happened since: a job that was continued meanwhile must not stop again.
        try? link.send(LauncherRequest.confirm(stop).bytes)
      case .confirmed(let stop, let signal):
        try Signals.raiseDefault(signal)
        // Continued: perhaps this process alone, so the command is told.
        try? link.send(LauncherRequest.resume(stop).bytes)
      case .ended(let status):
        _ = try Process.wait(supervisor)
        return status
      case nil:
        // The supervisor died. Its children are this process's now.
        Descendants.killAll()
        throw LaunchFailure.supervisorDied
      }
    }
  }
}

/// What the launcher asks of the supervisor, one message each.
enum LauncherRequest {
  /// Send the command this signal.
  case forward(CInt)
  /// Is the command still in that stop?
  case confirm(UInt8)
  /// Continue the command, if it is still in that stop.
  case resume(UInt8)

  var bytes: [UInt8] {
    switch self {
    case .forward(let signal): [1, UInt8(signal)]
    case .confirm(let stop): [2, stop]
    case .resume(let stop): [3, stop]
    }
  }

  init?(_ bytes: [UInt8]) {
    switch (bytes.first, bytes.count) {
    case (1, 2): self = .forward(CInt(bytes[1]))
    case (2, 2): self = .confirm(bytes[1])
    case (3, 2): self = .resume(bytes[1])
    default: return nil
    }
  }
}

/// What the supervisor tells the launcher, one message each.
enum SupervisorReport {
  /// The command never ran.
  case failed(LaunchFailure)
  /// The launch is over: the command runs, and nothing is to be done until something happens.
  case idle
  /// The command was stopped; stops are numbered.
  case stopped(UInt8)
  /// The command is still in that stop, by this signal.
  case confirmed(UInt8, CInt)
  /// The command ended, and nothing of the jail is left.
  case ended(WaitStatus)

  var bytes: [UInt8] {
    switch self {
    case .failed(let failure): [1] + FailureCoding.encode(failure)
    case .idle: [5]
    case .stopped(let stop): [2, stop]
    case .confirmed(let stop, let signal): [4, stop, UInt8(signal)]
    case .ended(let status):
      [3, UInt8(truncatingIfNeeded: status.rawValue), UInt8(truncatingIfNeeded: status.rawValue >> 8)]
    }
  }

  init?(_ bytes: [UInt8]) {
    switch (bytes.first, bytes.count) {
    case (1, _): self = .failed(FailureCoding.decode(bytes.dropFirst()))
    case (5, 1): self = .idle
    case (2, 2): self = .stopped(bytes[1])
    case (4, 3): self = .confirmed(bytes[1], CInt(bytes[2]))
    case (3, 3): self = .ended(WaitStatus(rawValue: CInt(bytes[1]) | CInt(bytes[2]) << 8))
    default: return nil
    }
  }
}
