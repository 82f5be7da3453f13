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
  private var retry: Int?
  private static let pause = 100
  /// By when one has to have succeeded since there was something to cover: there may be too many processes for a moment,
  /// or very many files.
  private var limit: Int?
  private static let patience = 3000
  /// Why the last one failed.
  private var reason = Errno.ETIME

  init(userNamespace: consuming FileDescriptor, mountNamespace: consuming FileDescriptor) {
    self.userNamespace = userNamespace
    self.mountNamespace = mountNamespace
  }

  var deadline: Int? { [retry, limit].compactMap { $0 }.min() }

  /// Whether to start a child. Fails when it is too late: a socket that leads outside is no less a way out when the
  /// uplink is cut, so the command may not go on.
  mutating func isDue(changed: Bool, _ now: Int) throws -> Bool {
    if changed {
      limit = limit ?? now + Self.patience
      if child == nil { retry = retry ?? now } else { hasChanged = true }
    }
    if let limit, limit <= now {
      throw SystemCallError("covering again what the jail must not see", errno: reason)
    }
    return child == nil && retry.map { $0 <= now } ?? false
  }

  /// Starts the child; the supervisor reaps it.
  mutating func start(
    resolverText: [UInt8], masks: Masks, whole: Set<[UInt8]>, now: Int
  ) throws(SystemCallError) {
    hasChanged = false
    retry = nil
    let supervisor = Process.id
    let process = try Process.fork()
    if process != 0 {
      child = process
      return
    }
    do {
      try Process.dieWithParent(supervisor)
      try Namespaces.enter(userNamespace.rawValue)
      try Namespaces.enter(mountNamespace.rawValue)
      try masks.install(whole: whole)
      if !ResolverFile.says(resolverText) { try renew(resolverText) }
      try Mounts.makeNosuid()
      Process.exit(0)
    } catch {
      Process.exit((error as? SystemCallError)?.errno ?? Errno.EINVAL)
    }
  }

  /// Takes note of a process's end, if it was the child. Its status is the number of its error.
  mutating func ended(_ process: CInt, _ status: WaitStatus, now: Int) {
    guard process == child else { return }
    child = nil
    guard status.exitStatus == 0 else { return failed(status.exitStatus ?? Errno.EINTR, now) }
    reason = Errno.ETIME
    limit = hasChanged ? now + Self.patience : nil
    retry = hasChanged ? now : nil
  }

  mutating func failed(_ errno: CInt, _ now: Int) {
    reason = errno
    retry = now + Self.pause
  }

  /// The file is made in a mount namespace apart, where covering a directory disturbs nobody.
  private func renew(_ text: [UInt8]) throws {
    try Namespaces.mount.unshare()
    let file = try ResolverFile.make(text)
    try Namespaces.enter(mountNamespace.rawValue)
    try ResolverFile.attach(file)
  }
}
