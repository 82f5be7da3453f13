import Linux
import Policy

/// The resolv.conf(5) that the jail sees in place of the host's.
enum ResolverFile {
  private static let file = "/etc/resolv.conf"
  /// Any directory that every system has; it is covered for a moment, in the holder's own mount namespace.
  private static let scratch = "/dev"

  /// What the host's file says. Without one the C library's defaults hold.
  static func read() -> ResolverConfiguration {
    ResolverConfiguration(parsing: (try? FileDescriptor.contents(of: file)) ?? [])
  }

  /// Where the supervisor answers. Without a resolv.conf there is none to cover, and programs ask 127.0.0.1
  /// by themselves.
  static var serverAddress: [UInt8] {
    get throws(SystemCallError) { try path == nil ? [127, 0, 0, 1] : DNSListeners.address }
  }

  /// Covers /etc/resolv.conf, or the file that it links to, with one that names the jail's server.
  static func install(_ text: [UInt8]) throws {
    guard let path = try path else { return }
    try attach(try make(text), at: path)
  }

  /// A file with this text that is mounted nowhere yet. A directory is covered for a moment: nobody else may
  /// be in this mount namespace.
  static func make(_ text: [UInt8]) throws -> FileDescriptor {
    try Mounts.tmpfs(over: scratch, mode: "0755")
    let path = "\(scratch)/resolv.conf"
    try FileDescriptor.open(path, FileDescriptor.createNew, mode: 0o644).write(text)
    try Mounts.makeReadOnly(scratch)
    let mounted = try Mounts.clone(path)
    try Mounts.detach(scratch)
    return mounted
  }

  /// Puts it in place, which may be below /run, where the command owns every directory: no link is followed.
  static func attach(_ mounted: borrowing FileDescriptor, at path: String) throws {
    try Mounts.attach(mounted, over: try FileDescriptor.refer(toWithoutLinks: path.utf8))
  }

  /// Whether what programs read is this text.
  static func says(_ text: [UInt8], at path: String) -> Bool {
    guard let file = try? FileDescriptor.open(path, FileDescriptor.readOnlyNonBlocking) else { return false }
    return (try? file.readAll(limit: 1 << 20)) == text
  }

  /// Where the file is, behind the links that lead to it; nil if there is none.
  static var path: String? {
    get throws(SystemCallError) {
      try unlessAbsent { () throws(SystemCallError) in try FileStatus.resolve(file) }
    }
  }

  /// Differs when the host's file has been written or replaced; nil if there is none.
  static var version: [Int]? { try? FileStatus.of(file).version }
}
