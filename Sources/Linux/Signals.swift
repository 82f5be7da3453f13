internal import CLinux
internal import Glibc

/// Signals: masks, dispositions and signalfd(2).
public enum Signals {
  /// Every signal that asks a process for something and that may be forwarded.
  public static let forwarded: [CInt] = [SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP]

  /// The terminal's signals that stop a process which reads or writes in the background.
  public static let background: [CInt] = [SIGTTIN, SIGTTOU]
  public static let child = SIGCHLD
  /// For a write beyond RLIMIT_FSIZE, which gives EFBIG where the signal is blocked.
  public static let fileSize = SIGXFSZ
  public static let stop = SIGTSTP
  public static let hangup = SIGHUP
  public static let kill = SIGKILL
  public static let `continue` = SIGCONT

  /// Whether a signal is ignored.
  public static func isIgnored(_ signal: CInt) -> Bool {
    var action = sigaction()
    // SAFETY: the kernel writes one sigaction; the handlers are compared as numbers, never called.
    guard unsafe sigaction(signal, nil, &action) == 0 else { return false }
    let handler = unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    let ignore = unsafe unsafeBitCast(SIG_IGN, to: Int.self)
    return handler == ignore
  }

  /// Blocks exactly these signals (sigprocmask(2)).
  public static func block(_ signals: [CInt]) throws(SystemCallError) {
    var set = signalSet(signals)
    // SAFETY: the kernel reads one set.
    try check("sigprocmask") { unsafe sigprocmask(SIG_SETMASK, &set, nil) }
  }

  /// A descriptor that delivers these blocked signals (signalfd(2)), non-blocking.
  public static func descriptor(for signals: [CInt]) throws(SystemCallError) -> FileDescriptor {
    var set = signalSet(signals)
    // SAFETY: the kernel reads one set.
    let fd = try check("signalfd") { unsafe signalfd(-1, &set, CInt(SFD_CLOEXEC | SFD_NONBLOCK)) }
    return FileDescriptor(owning: fd)
  }

  /// One signal read from a signalfd.
  public struct Delivery: Sendable {
    public let signal: CInt
    /// Sent by the kernel, as the terminal's Ctrl-C is, not by a process.
    public let fromKernel: Bool
  }

  /// The next signal from a signalfd; nil when there is none.
  public static func next(from descriptor: borrowing FileDescriptor) throws(SystemCallError) -> Delivery? {
    var info = signalfd_siginfo()
    do throws(SystemCallError) {
      let count = try check("read", "signalfd") {
        // SAFETY: the kernel writes at most one signalfd_siginfo.
        unsafe Glibc.read(descriptor.rawValue, &info, MemoryLayout<signalfd_siginfo>.size)
      }
      guard count == MemoryLayout<signalfd_siginfo>.size else { return nil }
      return Delivery(signal: CInt(info.ssi_signo), fromKernel: info.ssi_code == 0x80)
    } catch {
      if error.errno == EAGAIN { return nil }
      throw error
    }
  }

  /// Sets every disposition to the default and unblocks all (signal(7)): what a program may expect at its
  /// start. Also of the two that the C library keeps for itself: whoever starts a process by posix_spawn(3),
  /// as system(3) and make(1) do, leaves them ignored in it.
  public static func resetAll(keepIgnoring kept: [CInt] = []) throws(SystemCallError) {
    for signal in 1..<65 as Range<CInt> where signal != SIGKILL && signal != SIGSTOP {
      setDisposition(of: signal, to: kept.contains(signal) ? .ignore : .default)
    }
    try block([])
    // Read back: what is left of the mask or of an ignored signal would follow the command.
    let status = try ProcessStatus.read()
    let ignored = kept.reduce(UInt64(0)) { $0 | 1 << UInt64($1 - 1) }
    for (field, expected) in [("SigBlk", 0), ("SigIgn", ignored)] {
      guard let found = status[field].flatMap({ UInt64($0, radix: 16) }), found == expected else {
        throw SystemCallError("sigaction", "\(field) \(status[field] ?? "missing")", errno: EINVAL)
      }
    }
  }

  /// Makes this process fit to have children, whatever its caller ignores: with SIGCHLD ignored they could
  /// not be waited for, and with SIGPIPE at its default a closed standard error would end it.
  public static func prepareForChildren() {
    setDisposition(of: SIGCHLD, to: .default)
    setDisposition(of: SIGPIPE, to: .ignore)
  }

  /// Sends a signal with its default action to this process itself and, should it be stopped, returns when
  /// continued.
  public static func raiseDefault(_ signal: CInt) throws(SystemCallError) {
    setDisposition(of: signal, to: .default)
    var set = signalSet([signal])
    // SAFETY: the kernel reads one set and writes another.
    var before = sigset_t()
    try check("kill") { Glibc.kill(getpid(), signal) }
    try check("sigprocmask") { unsafe sigprocmask(SIG_UNBLOCK, &set, &before) }
    try check("sigprocmask") { unsafe sigprocmask(SIG_SETMASK, &before, nil) }
  }

  private enum Disposition: UInt { case `default` = 0, ignore = 1 }

  private static func setDisposition(of signal: CInt, to disposition: Disposition) {
    // Only SIGKILL and SIGSTOP fail.
    _ = clinux_rt_sigaction(signal, disposition.rawValue)
  }

  private static func signalSet(_ signals: [CInt]) -> sigset_t {
    var set = sigset_t()
    // SAFETY: both calls only write the set.
    _ = unsafe sigemptyset(&set)
    for signal in signals { _ = unsafe sigaddset(&set, signal) }
    return set
  }
}
