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

  init(userNamespace: consuming FileDescriptor, mountNamespace: consuming FileDescriptor) {
    self.userNamespace = userNamespace
    self.mountNamespace = mountNamespace
  }

  /// Starts the child; the supervisor reaps it.
  func start(resolverText: [UInt8], masks: Masks) throws {
    let supervisor = Process.id
    guard try Process.fork() == 0 else { return }
    do {
      try Process.dieWithParent(supervisor)
      try Namespaces.enter(userNamespace.rawValue)
      try Namespaces.enter(mountNamespace.rawValue)
      try masks.install()
      if !ResolverFile.says(resolverText) { try renew(resolverText) }
      try Mounts.makeNosuid()
      Process.exit(0)
    } catch {
      Process.complain("claude-sandbox: what the jail must not see could not be covered again (\(error))\n")
      Process.exit(1)
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
