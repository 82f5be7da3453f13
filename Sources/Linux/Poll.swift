internal import CLinux
internal import Glibc

/// What to wait for on one descriptor (poll(2)).
public struct Interest: Sendable {
  public let descriptor: CInt
  public let events: CInt

  public static func readable(_ descriptor: CInt) -> Interest {
    Interest(descriptor: descriptor, events: POLLIN)
  }
  public static func writable(_ descriptor: CInt) -> Interest {
    Interest(descriptor: descriptor, events: POLLOUT)
  }
  /// What a file announces beside data: of /proc/PID/mountinfo, that a mount has come or gone since it was asked last (proc(5)).
  public static func exceptional(_ descriptor: CInt) -> Interest {
    Interest(descriptor: descriptor, events: POLLPRI)
  }
}

/// Waits until at least one descriptor is ready, has failed or hung up, or the time is over (poll(2)).
/// `timeout` is in milliseconds, nil waits for ever. Returns the ready descriptors.
public func poll(_ interests: [Interest], timeout: Int? = nil) throws(SystemCallError) -> Set<CInt> {
  var entries = interests.map { pollfd(fd: $0.descriptor, events: Int16($0.events), revents: 0) }
  // SAFETY: the kernel reads and writes exactly the array's count of entries.
  let ready = try check("poll") {
    unsafe Glibc.poll(&entries, nfds_t(entries.count), CInt(timeout ?? -1))
  }
  if ready == 0 { return [] }
  return Set(entries.filter { $0.revents != 0 }.map { $0.fd })
}

/// The time of the monotonic clock in milliseconds (clock_gettime(2)).
public func monotonicMilliseconds() -> Int {
  var now = timespec()
  // SAFETY: the kernel writes one timespec; CLOCK_MONOTONIC cannot fail.
  _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
