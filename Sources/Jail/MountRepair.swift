import Linux

/// Mends the jail's mounts while it lives.
///
/// Where somebody outside renames or removes a file, the kernel takes away what other mount namespaces have
/// mounted on it: a DHCP lease uncovers the host's resolv.conf, a restarted daemon its new socket. A child of
/// the supervisor enters the jail's mount namespace, as only the owner of its user namespace can, and covers
/// them again.
struct MountRepair: ~Copyable {
  private let userNamespace: FileDescriptor
  private let mountNamespace: FileDescriptor
  /// The child that is at it. One at a time: two would cover the same thing twice.
  private var child: CInt?
  /// Something has changed since that child began.
  private var hasChanged = false
  /// When it is time for the next: at once, or a pause after one that failed. Milliseconds.
  private(set) var deadline: Int?
  private static let pause = 100
  /// How often in a row it may fail, as when there are too many processes for a moment.
  private static let mostFailures = 3
  private var failures = 0

  init(userNamespace: consuming FileDescriptor, mountNamespace: consuming FileDescriptor) {
    self.userNamespace = userNamespace
    self.mountNamespace = mountNamespace
  }

  func isDue(_ now: Int) -> Bool { deadline.map { $0 <= now } ?? false }

  /// Starts the child, or has it started once more when it has ended; the supervisor reaps it. Fails when it has
  /// failed too often.
  mutating func start(resolverText: [UInt8], masks: Masks, now: Int) throws {
    hasChanged = child != nil
    if hasChanged { return }
    deadline = nil
    let supervisor = Process.id
    let process: CInt
    do throws(SystemCallError) {
      process = try Process.fork()
    } catch {
      return try failed(error.errno, now)
    }
    if process != 0 {
      child = process
      return
    }
    do {
      try Process.dieWithParent(supervisor)
      try Namespaces.enter(userNamespace.rawValue)
      try Namespaces.enter(mountNamespace.rawValue)
      try masks.install()
      if !ResolverFile.says(resolverText) { try renew(resolverText) }
      try Mounts.makeNosuid()
      Process.exit(0)
    } catch {
      Process.exit((error as? SystemCallError)?.errno ?? Errno.EINVAL)
    }
  }

  /// Takes note of a process's end, if it was the child. Its status is the number of its error.
  mutating func ended(_ process: CInt, _ status: WaitStatus, now: Int) throws {
    guard process == child else { return }
    child = nil
    guard status.exitStatus == 0 else { return try failed(status.exitStatus ?? Errno.EINTR, now) }
    failures = 0
    if hasChanged { deadline = now }
  }

  private mutating func failed(_ errno: CInt, _ now: Int) throws {
    failures += 1
    deadline = now + Self.pause
    // A socket that leads outside is no less a way out when the uplink is cut: the command may not go on.
    if failures == Self.mostFailures {
      throw SystemCallError("covering again what the jail must not see", errno: errno)
    }
  }

  /// The file is made in a mount namespace apart, where covering a directory disturbs nobody.
  private func renew(_ text: [UInt8]) throws {
    try Namespaces.mount.unshare()
    let file = try ResolverFile.make(text)
    try Namespaces.enter(mountNamespace.rawValue)
    try ResolverFile.attach(file)
  }
}
