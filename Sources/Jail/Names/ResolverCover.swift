import Linux

/// Keeps the jail's resolv.conf(5) and hosts(5) in their places while the jail lives.
///
/// Where somebody outside renames a file over /etc/resolv.conf, the kernel takes away what other mount namespaces have mounted on
/// it: a DHCP lease uncovers the host's. A child of the supervisor enters the jail's mount namespace, as only the owner of its
/// user namespace can, and covers it again. No wall depends on this: without the covers, programs ask name servers that they cannot
/// reach, and read addresses that are closed.
struct ResolverCover: ~Copyable, Service {
  /// A mount has come or gone in the jail.
  enum Event { case mounts }

  private let userNamespace: FileDescriptor
  private let mountNamespace: FileDescriptor
  /// The jail's mountinfo, which tells by poll(2) that a mount has come or gone (proc(5)).
  private let mounts: FileDescriptor
  /// Where the files are: resolved before the command runs, who may arrange links.
  private let paths: [ResolverFile: String]
  private var files: [CoveredFile]
  /// The child that is at it. One at a time: two would cover the same file twice.
  private var child: CInt?
  private var isDue = false

  init(
    userNamespace: consuming FileDescriptor, mountNamespace: consuming FileDescriptor, holder: CInt,
    files: [CoveredFile]
  ) throws {
    let mounts = try FileDescriptor.open("/proc/\(holder)/mountinfo", FileDescriptor.readOnly)
    var paths: [ResolverFile: String] = [:]
    // A port of the host may come later, and its names with it.
    for file in [ResolverFile.configuration, .hosts] { paths[file] = try file.path }
    self.paths = paths
    self.userNamespace = userNamespace
    self.mountNamespace = mountNamespace
    self.mounts = mounts
    self.files = files
  }

  var interests: [Interest<Event>] { [.exceptional(mounts.rawValue, .mounts)] }

  /// When a process is asked for again, where none could be had.
  private(set) var deadline: Instant?
  private static let patience = Duration.milliseconds(100)

  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    if event != nil { isDue = true }
    start()
    return []
  }

  /// From now on these files say this. What is covered stays so.
  mutating func show(_ files: [CoveredFile]) {
    let kept = self.files.filter { covered in !files.contains { $0.file == covered.file } }
    guard Set(files + kept) != Set(self.files) else { return }
    self.files = files + kept
    isDue = true
    start()
  }

  /// Takes note of a process's end, if it was the child.
  mutating func ended(_ process: CInt) {
    guard process == child else { return }
    child = nil
    start()
  }

  private mutating func start() {
    guard isDue, child == nil, !paths.isEmpty else { return }
    let supervisor = Process.id
    deadline = nil
    guard let process = try? Process.fork() else {
      deadline = .now + Self.patience
      return
    }
    isDue = false
    if process != 0 {
      child = process
      return
    }
    do {
      try Process.dieWithParent(supervisor)
      try Namespaces.enter(userNamespace.rawValue)
      try Namespaces.enter(mountNamespace.rawValue)
      for covered in files {
        if let path = paths[covered.file], !covered.isRead(at: path) { try renew(covered, at: path) }
      }
      Process.exit(0)
    } catch {
      Process.exit(1)
    }
  }

  /// The file is made in a mount namespace apart, where covering a directory disturbs nobody.
  private func renew(_ covered: CoveredFile, at path: String) throws {
    try Namespaces.mount.unshare()
    let file = try covered.make()
    try Namespaces.enter(mountNamespace.rawValue)
    try CoveredFile.attach(file, at: path)
  }
}
