import Linux

/// Notices that pasta has stopped reading the tap, at no cost while nothing is sent: once a frame waits, a look at
/// intervals tells whether any frame was taken since the last. A tap's descriptor is readable while a frame waits
/// (Documentation/networking/tuntap.rst), whoever reads it.
struct RelayWatch {
  enum Change { case stopped, resumed }

  private enum State {
    /// No frame waits, as far as anyone knows.
    case idle
    /// A frame came. With how many had been taken when one waited at the last look.
    case waiting(taken: UInt64?)
    case stopped(taken: UInt64)
  }

  /// Between two looks: no relay that works leaves a frame for so long.
  static let interval = Duration.seconds(2)

  private var state = State.idle
  /// When to look at the latest; nil while a frame is waited for. Under load every frame would wake this process.
  private(set) var deadline: Instant?

  /// A frame waits.
  mutating func frameWaits(now: Instant) { wait(.waiting(taken: nil), now) }

  /// A look, when it is due. `taken` says how many frames were ever read from the tap; nil when none waits.
  mutating func look(now: Instant, taken: () throws -> UInt64?) throws -> Change? {
    guard let due = deadline, due <= now else { return nil }
    guard let count = try taken() else { return rest() }
    switch state {
    case .waiting(count):
      wait(.stopped(taken: count), now)
      return .stopped
    case .stopped(count):
      wait(.stopped(taken: count), now)
      return nil
    case .stopped:
      wait(.waiting(taken: count), now)
      return .resumed
    case .waiting, .idle:
      wait(.waiting(taken: count), now)
      return nil
    }
  }

  private mutating func wait(_ state: State, _ now: Instant) {
    self.state = state
    deadline = now + Self.interval
  }

  private mutating func rest() -> Change? {
    defer {
      state = .idle
      deadline = nil
    }
    return if case .stopped = state { .resumed } else { nil }
  }
}
