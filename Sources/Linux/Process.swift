internal import CLinux
internal import Glibc

/// Processes: fork(2), wait(2), prctl(2), kill(2), execve(2).
public enum Process {
  public static var id: CInt { getpid() }
  public static var parent: CInt { getppid() }
  /// The process group.
  public static var group: CInt { getpgrp() }
  /// Whether its session (setsid(2)) began with it.
  public static var isSessionLeader: Bool { getsid(0) == getpid() }
  public static var userID: UInt32 { geteuid() }
  public static var groupID: UInt32 { getegid() }

  /// The arguments of this process as bytes, its own name first.
  public static var arguments: [[UInt8]] {
    // SAFETY: argc strings, NUL-terminated, that live as long as the process.
    (0..<Int(CommandLine.argc)).compactMap { unsafe CommandLine.unsafeArgv[$0].map { unsafe bytes(of: $0) } }
  }

  /// The environment of this process, `NAME=value`, as bytes (environ(7)).
  public static var environment: [[UInt8]] {
    var result: [[UInt8]] = []
    // SAFETY: a NULL-terminated array of NUL-terminated strings.
    var next = unsafe clinux_environ()
    while let string = unsafe next?.pointee {
      unsafe result.append(bytes(of: string))
      unsafe next = next?.successor()
    }
    return result
  }

  /// The path that execve(2) was given, which need not be what `arguments` begin with (AT_EXECFN, getauxval(3)).
  public static var executedPath: [UInt8]? {
    // SAFETY: the kernel's string, NUL-terminated, that lives as long as the process.
    unsafe clinux_executed_path().map { unsafe bytes(of: $0) }
  }

  private static func bytes(of string: UnsafeMutablePointer<CChar>) -> [UInt8] {
    unsafe UnsafeBufferPointer(start: string, count: strlen(string)).map(UInt8.init(bitPattern:))
  }

  /// Ends this process by a signal, without a core dump: the caller sees what ended the command.
  public static func dieBySignal(_ signal: CInt) -> Never {
    try? disableCoreDump()
    try? Signals.raiseDefault(signal)
    exit(128 + signal)
  }

  /// Forks; returns 0 in the child. The process must have one thread: the child has no other (fork(2)).
  public static func fork() throws(SystemCallError) -> CInt {
    try check("fork") { Glibc.fork() }
  }

  /// Lets go of the memory that holds the program's text (madvise(2)): most of it only a launch needs. What is
  /// needed comes back from the page cache, page by page. Best effort: it only saves memory.
  public static func releaseText() { _ = clinux_release_text() }

  /// Makes this the leader of a new session without a terminal (setsid(2)).
  public static func newSession() throws(SystemCallError) {
    try check("setsid") { setsid() }
  }

  /// Orphans below this process become its children (PR_SET_CHILD_SUBREAPER).
  public static func becomeSubreaper() throws(SystemCallError) {
    try check("prctl", "PR_SET_CHILD_SUBREAPER") { clinux_prctl(PR_SET_CHILD_SUBREAPER, 1, 0) }
  }

  /// Makes the files of this process in /proc root's, so that other processes of its user cannot change how it is
  /// scheduled or ended (PR_SET_DUMPABLE, proc(5)). Holds until execve(2).
  public static func hide() throws(SystemCallError) {
    try check("prctl", "PR_SET_DUMPABLE") { clinux_prctl(PR_SET_DUMPABLE, 0, 0) }
  }

  /// Undoes `hide`, which a child inherits: to write its own maps, they have to be its user's.
  public static func show() throws(SystemCallError) {
    try check("prctl", "PR_SET_DUMPABLE") { clinux_prctl(PR_SET_DUMPABLE, 1, 0) }
  }

  /// Asks for SIGKILL when the parent dies, and makes sure that it has not died before (PR_SET_PDEATHSIG).
  /// ESRCH when `parent` is no longer the parent.
  public static func dieWithParent(_ parent: CInt) throws(SystemCallError) {
    try check("prctl", "PR_SET_PDEATHSIG") { clinux_prctl(PR_SET_PDEATHSIG, UInt(SIGKILL), 0) }
    if getppid() != parent { throw SystemCallError("prctl", "PR_SET_PDEATHSIG", errno: ESRCH) }
  }

  /// A descriptor that becomes readable when the process ends (pidfd_open(2), Linux 5.3).
  public static func descriptor(of pid: CInt) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(owning: try check("pidfd_open") { clinux_pidfd_open(pid) })
  }

  /// Sends a signal (kill(2)). ESRCH when there is no such process.
  public static func kill(_ pid: CInt, _ signal: CInt) throws(SystemCallError) {
    try check("kill") { Glibc.kill(pid, signal) }
  }

  /// Sends a signal to the process that a `descriptor(of:)` stands for, never to a later one of its number (pidfd_send_signal(2), Linux 5.1).
  /// ESRCH when it has ended.
  public static func kill(_ process: borrowing FileDescriptor, _ signal: CInt) throws(SystemCallError) {
    try check("pidfd_send_signal") { clinux_pidfd_kill(process.rawValue, signal) }
  }

  /// Waits for a child's change of state (waitpid(2)); nil when there is none to report yet (WNOHANG). ECHILD
  /// without children.
  public static func wait(
    _ pid: CInt, options: CInt = 0
  ) throws(SystemCallError) -> (pid: CInt, status: WaitStatus)? {
    var status: CInt = 0
    // SAFETY: the kernel writes one integer.
    let found = try check("waitpid") { unsafe waitpid(pid, &status, options) }
    return found == 0 ? nil : (found, WaitStatus(rawValue: status))
  }

  /// The state of any child, stops and continuations included, if there is one to report; nil otherwise, also
  /// without children.
  public static func waitForAny() throws(SystemCallError) -> (pid: CInt, status: WaitStatus)? {
    do throws(SystemCallError) {
      return try wait(-1, options: WNOHANG | WUNTRACED | WCONTINUED)
    } catch {
      if error.errno == ECHILD { return nil }
      throw error
    }
  }

  public static let noHang = WNOHANG

  /// Opens /dev/null in place of each standard descriptor that the caller closed, so that no other file takes
  /// its number.
  public static func openStandardDescriptors() throws(SystemCallError) {
    while true {
      let descriptor = try FileDescriptor.open("/dev/null", O_RDWR)
      if descriptor.rawValue > 2 { return }
      try descriptor.place(at: descriptor.rawValue)
      _ = descriptor.release()
    }
  }

  /// Lets go of the caller's input and output: a pipe there ends when the command, not this process, closes
  /// it. Standard error stays.
  public static func leaveStandardStreams() throws(SystemCallError) {
    let null = try FileDescriptor.open("/dev/null", O_RDWR)
    try null.place(at: 0)
    try null.place(at: 1)
  }

  /// Changes the working directory (chdir(2)).
  public static func enterDirectory(_ path: [UInt8]) throws(SystemCallError) {
    // SAFETY: the array ends with NUL and outlives the call.
    try check("chdir", String(decoding: path, as: UTF8.self)) { unsafe chdir(nulTerminated(path)) }
  }

  /// Whether a descriptor is a terminal (isatty(3)).
  public static func isTerminal(_ descriptor: CInt) -> Bool { isatty(descriptor) == 1 }

  /// The domain and the type of a socket, AF_* and SOCK_* (socket(7)).
  public static func socketKind(of descriptor: CInt) throws(SystemCallError) -> (domain: CInt, type: CInt) {
    var values: [CInt] = [0, 0]
    for (index, option) in [SO_DOMAIN, SO_TYPE].enumerated() {
      var length = socklen_t(MemoryLayout<CInt>.size)
      // SAFETY: one integer passed with its own size.
      try check("getsockopt") { unsafe getsockopt(descriptor, SOL_SOCKET, option, &values[index], &length) }
    }
    return (values[0], values[1])
  }

  /// Whether a socket has a peer, or had one (getpeername(2)).
  public static func isConnected(_ descriptor: CInt) -> Bool {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    // SAFETY: the kernel writes no more than the length that is passed.
    return unsafe withUnsafeMutableBytes(of: &address) {
      unsafe getpeername(descriptor, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
    } == 0
  }

  /// Whether a descriptor only refers to a file, without having it open (open(2), O_PATH).
  public static func isReference(_ descriptor: CInt) throws(SystemCallError) -> Bool {
    try check("fcntl") { clinux_is_reference(descriptor) } == 1
  }

  /// Puts a copy of a descriptor at a fixed number, without close-on-exec (dup2(2)).
  public static func place(_ descriptor: CInt, at number: CInt) throws(SystemCallError) {
    if descriptor == number {
      try check("fcntl") { clinux_fcntl(number, F_SETFD, 0) }
    } else {
      try check("dup2") { dup2(descriptor, number) }
    }
  }

  /// Writes to standard error, as far as that is possible. May wait for who reads it.
  public static func complain(_ text: String) {
    let bytes = Array(text.utf8)
    // SAFETY: the kernel reads the array's count.
    _ = unsafe Glibc.write(2, bytes, bytes.count)
  }

  /// The same, unless that might wait: a pipe may be full, a terminal stopped. At most PIPE_BUF, 4096 bytes (pipe(7)).
  public static func complainAtOnce(_ text: String) {
    let answer = try? Linux.wait([Interest.writable(2, true)], until: .now)
    if answer?.ready == [true] { complain(text) }
  }

  /// Ends the process at once, without running what was registered to run at exit (_exit(2)).
  public static func exit(_ status: CInt) -> Never { _exit(status) }

  /// Replaces the program (execve(2)); returns only by throwing.
  public static func execute(
    _ path: [UInt8], arguments: [[UInt8]], environment: [[UInt8]]
  ) throws(SystemCallError) -> Never {
    let name = String(decoding: path, as: UTF8.self)
    let pathname = path.map(CChar.init(bitPattern:)) + [0]
    let argv = CStringArray(arguments)
    let envp = CStringArray(environment)
    try check("execve", name) {
      // SAFETY: all three are terminated and live until the call returns, which it does only on failure.
      unsafe execve(pathname, argv.pointers, envp.pointers)
    }
    throw SystemCallError("execve", name, errno: EINVAL)
  }

  /// How many descriptors this process may have (getrlimit(2), RLIMIT_NOFILE).
  public static var descriptorLimit: Int {
    var limit = rlimit()
    // SAFETY: the kernel writes one rlimit.
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    return Int(clamping: limit.rlim_cur)
  }

  /// Lets this process have so many descriptors, as far as it may (setrlimit(2), RLIMIT_NOFILE); returns how many it may have now.
  public static func raiseDescriptorLimit(to wanted: Int) throws(SystemCallError) -> Int {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    // SAFETY: the kernel writes one rlimit, and reads one.
    try check("getrlimit") { unsafe getrlimit(resource, &limit) }
    if limit.rlim_cur < wanted {
      limit.rlim_cur = min(rlim_t(wanted), limit.rlim_max)
      try check("setrlimit") { unsafe setrlimit(resource, &limit) }
    }
    return Int(clamping: limit.rlim_cur)
  }

  /// No core dump of this process, whatever ends it (setrlimit(2), RLIMIT_CORE).
  public static func disableCoreDump() throws(SystemCallError) {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    // SAFETY: the kernel reads one rlimit.
    try check("setrlimit") { unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) }
  }

  /// Closes every descriptor from `first` up, or through `last` (close_range(2), Linux 5.9).
  public static func closeDescriptors(from first: CInt, through last: CInt? = nil) throws(SystemCallError) {
    try check("close_range") { clinux_close_range(UInt32(first), last.map { UInt32($0) } ?? UInt32.max) }
  }

  /// Marks every descriptor from `first` up close-on-exec, whatever it is and whoever opened it
  /// (close_range(2), Linux 5.11).
  public static func closeDescriptorsOnExecute(from first: CInt) throws(SystemCallError) {
    try check("close_range", "CLOSE_RANGE_CLOEXEC") { clinux_cloexec_range(UInt32(first), UInt32.max) }
  }
}

/// A NULL-terminated array of C strings that lives as long as this object.
@safe private final class CStringArray {
  let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  private let count: Int

  init(_ strings: [[UInt8]]) {
    count = strings.count
    // SAFETY: count + 1 slots are allocated and all of them are initialised before use; deinit frees each
    // once.
    unsafe pointers = .allocate(capacity: count + 1)
    for (index, string) in strings.enumerated() {
      let copy = UnsafeMutablePointer<CChar>.allocate(capacity: string.count + 1)
      for (offset, byte) in string.enumerated() { unsafe copy[offset] = CChar(bitPattern: byte) }
      unsafe copy[string.count] = 0
      unsafe (pointers + index).initialize(to: copy)
    }
    unsafe (pointers + count).initialize(to: nil)
  }

  deinit {
    for index in 0..<count { unsafe pointers[index]?.deallocate() }
    unsafe pointers.deallocate()
  }
}
