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
  static var serverAddress: [UInt8] { exists ? DNSListeners.address : [127, 0, 0, 1] }

  /// Covers /etc/resolv.conf, or the file that it links to, with one that names the jail's server.
  static func install(_ text: [UInt8]) throws {
    guard exists else { return }
    try attach(try make(text))
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

  /// Puts it in place.
  static func attach(_ mounted: borrowing FileDescriptor) throws { try Mounts.attach(mounted, at: file) }

  /// Whether what programs read is this text.
  static func says(_ text: [UInt8]) -> Bool { (try? FileDescriptor.contents(of: file)) == text }

  /// Where a change of the file shows: itself, and the file it links to.
  static var paths: [String] { [file, (try? FileStatus.resolve(file)) ?? file] }

  private static var exists: Bool { (try? FileStatus.of(file)) != nil }
}
