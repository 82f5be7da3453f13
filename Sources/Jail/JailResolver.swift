import Linux
import Policy

/// The jail's own name server, as the programs in it see it.
enum JailResolver {
  private static let file = "/etc/resolv.conf"
  /// Any directory that every system has; it is covered for a moment, in the holder's own mount namespace.
  private static let scratch = "/dev"

  /// Where the supervisor answers. Without a resolv.conf, every program asks 127.0.0.1 (resolv.conf(5)), so that is where to answer.
  static func address() -> [UInt8] { exists ? [127, 0, 0, 53] : [127, 0, 0, 1] }

  /// Covers /etc/resolv.conf, or the file that it links to, with one that names the jail's server.
  static func install(_ text: String) throws {
    guard exists else { return }
    try Mounts.tmpfs(over: scratch, mode: "0755")
    let path = "\(scratch)/resolv.conf"
    try FileDescriptor.open(path, FileDescriptor.createNew, mode: 0o644).write(text.utf8)
    let mounted = try Mounts.clone(path)
    try Mounts.detach(scratch)
    try Mounts.attach(mounted, at: file)
    try Mounts.makeReadOnly(file)
  }

  private static var exists: Bool { (try? FileStatus.of(file)) != nil }
}
