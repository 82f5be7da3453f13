internal import CLinux
internal import Glibc

extension Instant {
  /// The present (clock_gettime(2), CLOCK_MONOTONIC).
  public static var now: Instant {
    var now = timespec()
    // SAFETY: the kernel writes one timespec; CLOCK_MONOTONIC cannot fail.
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return Instant(milliseconds: now.tv_sec * 1000 + now.tv_nsec / 1_000_000)
  }
}

/// The wall clock, in milliseconds since 1970 (clock_gettime(2), CLOCK_REALTIME).
public func wallClock() -> Int {
  var now = timespec()
  // SAFETY: as above.
  _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
  return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}

/// What to wait for on one descriptor, and what it means when it comes (poll(2)).
public struct Interest<Event> {
  public let descriptor: CInt
  public let events: CInt
  public let event: Event

  @inlinable
  init(descriptor: CInt, events: CInt, event: Event) {
    self.descriptor = descriptor
    self.events = events
    self.event = event
  }

  /// Something to read, the end of what there is to read, or somebody to accept.
  @inlinable
  public static func readable(_ descriptor: CInt, _ event: Event) -> Interest {
    Interest(descriptor: descriptor, events: PollSet.readable, event: event)
  }
  /// Room to write.
  @inlinable
  public static func writable(_ descriptor: CInt, _ event: Event) -> Interest {
    Interest(descriptor: descriptor, events: PollSet.writable, event: event)
  }
  /// What a file announces beside data: of /proc/PID/mountinfo, that a mount has come or gone since it was asked last (proc(5)).
  @inlinable
  public static func exceptional(_ descriptor: CInt, _ event: Event) -> Interest {
    Interest(descriptor: descriptor, events: PollSet.exceptional, event: event)
  }

  /// The same for whoever has another word for it.
  @inlinable
  public func map<Other>(_ name: (Event) -> Other) -> Interest<Other> {
    Interest<Other>(descriptor: descriptor, events: events, event: name(event))
  }
}

/// Waits until at least one descriptor is ready, has failed or hung up, or the deadline has come (poll(2)); nil waits for ever.
/// Says what has come, in the order of the interests, and when. A descriptor's number means nothing outside of the call: it may
/// be another's by the time an event is handled.
@inlinable
public func wait<Event>(
  _ interests: [Interest<Event>], until deadline: Instant? = nil
) throws(SystemCallError) -> (ready: [Event], now: Instant) {
  var poll = PollSet(count: interests.count)
  for interest in interests { poll.add(interest.descriptor, interest.events) }
  let count = try poll.wait(until: deadline)
  let now = Instant.now
  var ready: [Event] = []
  if count == 0 { return (ready, now) }
  ready.reserveCapacity(count)
  for index in interests.indices where poll.isReady(index) { ready.append(interests[index].event) }
  return (ready, now)
}

/// The kernel's part of `wait`, which is the same for all events.
@usableFromInline
struct PollSet {
  @usableFromInline static var readable: CInt { POLLIN }
  @usableFromInline static var writable: CInt { POLLOUT }
  @usableFromInline static var exceptional: CInt { POLLPRI }

  private var entries: [pollfd] = []

  @usableFromInline
  init(count: Int) { entries.reserveCapacity(count) }

  @usableFromInline
  mutating func add(_ descriptor: CInt, _ events: CInt) {
    entries.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
  }

  @usableFromInline
  mutating func wait(until deadline: Instant?) throws(SystemCallError) -> Int {
    try Int(
      check("poll") {
        // After an interruption, what is left of the time.
        let time = deadline.map { max(0, min($0.milliseconds(since: .now), Int(CInt.max))) } ?? -1
        // SAFETY: the kernel reads and writes exactly the array's count of entries.
        return unsafe Glibc.poll(&entries, nfds_t(entries.count), CInt(time))
      })
  }

  @usableFromInline
  func isReady(_ index: Int) -> Bool { entries[index].revents != 0 }
}
