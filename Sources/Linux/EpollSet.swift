internal import CLinux
internal import Glibc

/// Descriptors that are waited for, each with a number that says what it is (epoll(7)); level-triggered.
public struct EpollSet: ~Copyable {
  /// What a descriptor is waited for, and what it is ready for.
  public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Something to read, the end of what there is to read, or somebody to accept.
    public static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    /// Room to write.
    public static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// It has failed. Told whether it is waited for or not.
    public static let failed = Readiness(rawValue: EPOLLERR.rawValue)
    /// It is over in both directions. Told whether it is waited for or not.
    public static let hungUp = Readiness(rawValue: EPOLLHUP.rawValue)
  }

  private let descriptor: FileDescriptor
  /// It is readable, too, while something in it is ready: sets can be waited for in other ones.
  public var number: CInt { descriptor.rawValue }
  private var ready: [clinux_event]

  /// Tells of at most `batch` descriptors at a time (epoll_create1(2)).
  public init(batch: Int) throws(SystemCallError) {
    descriptor = FileDescriptor(
      owning: try check("epoll_create1") { epoll_create1(CInt(EPOLL_CLOEXEC)) })
    ready = [clinux_event](repeating: clinux_event(), count: batch)
  }

  /// Begins to wait for a descriptor (epoll_ctl(2)).
  public func add(_ number: CInt, _ wanted: Readiness, token: UInt64) throws(SystemCallError) {
    try control(EPOLL_CTL_ADD, number, wanted, token)
  }

  /// Waits for something else.
  public func change(_ number: CInt, _ wanted: Readiness, token: UInt64) throws(SystemCallError) {
    try control(EPOLL_CTL_MOD, number, wanted, token)
  }

  /// Waits for it no longer. Closing is not enough: the kernel goes on for as long as another process has the file open, too.
  public func remove(_ number: CInt) throws(SystemCallError) {
    try control(EPOLL_CTL_DEL, number, [], 0)
  }

  private func control(
    _ operation: CInt, _ number: CInt, _ wanted: Readiness, _ token: UInt64
  ) throws(SystemCallError) {
    try check("epoll_ctl") {
      clinux_epoll_control(descriptor.rawValue, operation, number, wanted.rawValue, token)
    }
  }

  /// Waits until something is ready, or the deadline has come; nil waits for ever (epoll_wait(2)). Returns how many of `self` are ready.
  public mutating func wait(until deadline: Instant?) throws(SystemCallError) -> Int {
    try Int(
      check("epoll_wait") {
        let time = deadline.map { max(0, min($0.milliseconds(since: .now), Int(CInt.max))) } ?? -1
        // SAFETY: the kernel writes at most the array's count of events.
        return unsafe clinux_epoll_wait(descriptor.rawValue, &ready, CInt(ready.count), CInt(time))
      })
  }

  /// What the last `wait` found. The token may be that of a descriptor that an earlier event of the same wait has removed.
  public subscript(index: Int) -> (token: UInt64, readiness: Readiness) {
    (ready[index].token, Readiness(rawValue: ready[index].events))
  }
}
