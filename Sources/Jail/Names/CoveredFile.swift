import Linux
import Policy

/// A file that the jail sees in place of the host's.
struct CoveredFile: Sendable, Hashable {
  let file: ResolverFile
  let text: [UInt8]

  /// Any directory that every system has; it is covered for a moment, in the holder's own mount namespace.
  private static let scratch = "/dev"

  /// Those of a jail.
  static func all(
    _ resolver: ResolverConfiguration, _ names: NamePlan?, hasHostPorts: Bool
  ) -> [CoveredFile] {
    [CoveredFile(file: .configuration, text: resolver.jailText)] + hosts(names, hasHostPorts: hasHostPorts)
  }

  /// The jail's hosts(5); none where the host's holds.
  static func hosts(_ names: NamePlan?, hasHostPorts: Bool) -> [CoveredFile] {
    guard names != nil || hasHostPorts else { return [] }
    let text = JailHosts.text(
      names, host: HostsFile.read(), hostName: hostName(), hasHostPorts: hasHostPorts)
    return [CoveredFile(file: .hosts, text: text)]
  }

  /// Covers the file, or what it links to; without one there is nothing to cover.
  func install() throws {
    guard let path = try file.path else { return }
    try Self.attach(try make(), at: path)
  }

  /// A file with this text that is mounted nowhere yet. A directory is covered for a moment: nobody else may
  /// be in this mount namespace.
  func make() throws -> FileDescriptor {
    try Mounts.tmpfs(over: Self.scratch, mode: "0755")
    let path = "\(Self.scratch)/file"
    try FileDescriptor.open(path, FileDescriptor.createNew, mode: 0o644).write(text)
    try Mounts.makeReadOnly(Self.scratch)
    let mounted = try Mounts.clone(path)
    try Mounts.detach(Self.scratch)
    return mounted
  }

  /// Puts it in place, which may be below /run, where the command owns every directory: no link is followed.
  static func attach(_ mounted: borrowing FileDescriptor, at path: String) throws {
    try Mounts.attach(mounted, over: try FileDescriptor.refer(toWithoutLinks: path.utf8))
  }

  /// Whether what programs read at a path is this text.
  func isRead(at path: String) -> Bool {
    guard let file = try? FileDescriptor.open(path, FileDescriptor.readOnlyNonBlocking) else { return false }
    return (try? file.readAll(limit: text.count)) == text
  }
}
