internal import CLinux
internal import Glibc

/// Linux namespaces (namespaces(7)).
public struct Namespaces: OptionSet, Sendable {
  public let rawValue: CInt
  public init(rawValue: CInt) { self.rawValue = rawValue }

  public static let user = Namespaces(rawValue: CLONE_NEWUSER)
  public static let network = Namespaces(rawValue: CLONE_NEWNET)
  public static let mount = Namespaces(rawValue: CLONE_NEWNS)
  /// System V IPC and POSIX message queues (ipc_namespaces(7)).
  public static let ipc = Namespaces(rawValue: CLONE_NEWIPC)

  /// Moves this process into new namespaces (unshare(2)). EINVAL for a user namespace when there is more than
  /// one thread.
  public func unshare() throws(SystemCallError) {
    try check("unshare", describe) { CLinux.unshare(rawValue) }
  }

  /// Moves this process into the namespace that an open /proc/PID/ns file stands for (setns(2)).
  public static func enter(_ descriptor: CInt) throws(SystemCallError) {
    try check("setns") { setns(descriptor, 0) }
  }

  private var describe: String {
    [(Namespaces.user, "user"), (.network, "network"), (.mount, "mount"), (.ipc, "ipc")]
      .filter { contains($0.0) }.map { $0.1 }.joined(separator: "+")
  }

  /// Maps one user and one group to themselves in the new user namespace of this process
  /// (user_namespaces(7)). setgroups(2) must be denied first: otherwise an unprivileged process may not write
  /// the group map.
  public static func mapIdentity(user: UInt32, group: UInt32) throws(SystemCallError) {
    try FileDescriptor.write("deny", to: "/proc/self/setgroups")
    try FileDescriptor.write("\(user) \(user) 1", to: "/proc/self/uid_map")
    try FileDescriptor.write("\(group) \(group) 1", to: "/proc/self/gid_map")
  }
}
