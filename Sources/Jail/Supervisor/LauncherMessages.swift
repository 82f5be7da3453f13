import Linux

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
  /// The command never ran, or the supervisor could not go on.
  case failed(JailFailure)
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
    case (1, _):
      guard let failure = FailureCoding.decode(bytes.dropFirst()) else { return nil }
      self = .failed(failure)
    case (5, 1): self = .idle
    case (2, 2): self = .stopped(bytes[1])
    case (4, 3): self = .confirmed(bytes[1], CInt(bytes[2]))
    case (3, 3): self = .ended(WaitStatus(rawValue: CInt(bytes[1]) | CInt(bytes[2]) << 8))
    default: return nil
    }
  }
}
