import Linux

/// The command as a process: reports what it did to the launcher, and does to it what the launcher asks.
struct CommandProcess: ~Copyable, Service {
  enum Event {
    /// A signal came: somebody's for the command, or a child's end or stop.
    case signal
    /// The launcher asks for something.
    case request
  }

  private let process: CInt
  private let launcher: LauncherSocket
  private let signals: FileDescriptor
  /// How often the command was stopped, and by which signal it is stopped now.
  private var stops: UInt8 = 0
  private var stopSignal: CInt?
  /// Its number may be another's from then on.
  private var hasEnded = false

  init(_ process: CInt, launcher: LauncherSocket) throws {
    self.process = process
    self.launcher = launcher
    signals = try Signals.descriptor(for: Signals.forwarded + [Signals.child])
  }

  var interests: [Interest<Event>] {
    [.readable(signals.rawValue, .signal), .readable(launcher.descriptor, .request)]
  }
  var deadline: Instant? { nil }

  mutating func handle(_ event: Event?, now: Instant) throws -> [Effect] {
    switch event {
    case .signal:
      var forwarded: [Effect] = []
      while let delivery = try Signals.next(from: signals) {
        if delivery.signal != Signals.child { forwarded.append(.forward(delivery.signal)) }
      }
      return try forwarded + reap()
    case .request:
      guard let request = try launcher.next() else { return [] }
      // What has become of the command since, counts.
      return try reap() + answer(request)
    case nil: return []
    }
  }

  /// Sends the command a signal, while it lives.
  func send(_ signal: CInt) {
    if !hasEnded { try? Process.kill(process, signal) }
  }

  /// Reaps what has ended, and tells the launcher of a stop.
  private mutating func reap() throws -> [Effect] {
    var effects: [Effect] = []
    while let (pid, status) = try Process.waitForAny() {
      guard pid == process else {
        effects.append(.reaped(pid))
        continue
      }
      if let signal = status.stopSignal {
        stops &+= 1
        stopSignal = signal
        try launcher.send(.stopped(stops))
      } else if status.isContinued {
        stopSignal = nil
      } else {
        hasEnded = true
        effects.append(.ended(status))
      }
    }
    return effects
  }

  private func answer(_ request: LauncherRequest) throws -> [Effect] {
    if hasEnded { return [] }
    switch request {
    case .forward(let signal): return [.forward(signal)]
    case .confirm(let stop):
      if stop == stops, let signal = stopSignal { try launcher.send(.confirmed(stop, signal)) }
      return []
    case .resume(let stop): return stop == stops && stopSignal != nil ? [.forward(Signals.continue)] : []
    }
  }
}
