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

  /// Between two looks, in milliseconds: no relay that works leaves a frame for so long.
  static let interval = 2000

  private let tap: CInt
  private var state = State.idle
  /// When to call `handle` at the latest.
  private(set) var deadline: Int?

  init(tap: CInt) { self.tap = tap }

  /// nil while a look is due anyway: under load every frame would wake this process.
  var interest: Interest? { deadline == nil ? .readable(tap) : nil }

  /// `taken` says how many frames were ever read from the tap.
  mutating func handle(ready: Set<CInt>, now: Int, taken: () throws -> UInt64) throws -> Change? {
    guard let due = deadline else {
      if ready.contains(tap) { wait(.waiting(taken: nil), now) }
      return nil
    }
    guard now >= due else { return nil }
    guard try poll([.readable(tap)], timeout: 0).contains(tap) else { return rest() }
    let count = try taken()
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

  private mutating func wait(_ state: State, _ now: Int) {
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
