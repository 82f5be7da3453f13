import Linux

/// A socket that the administrator leaves visible (`expose-socket`), found before anything is covered. Its path has no symbolic
/// link, or the command could say which socket is exposed; /var/run is the system's own.
package final class ExposedSocket {
  package let identity: [UInt64]
  private let path: String
  /// Referred to, as it was before the covers.
  let place: FileDescriptor

  /// Throws when there is no socket.
  package init(_ path: String) throws {
    self.path = Self.real(path)
    place = try FileDescriptor.refer(toWithoutLinks: self.path.utf8)
    let status = try FileStatus.of(place)
    guard status.kind == .socket else { throw SystemCallError("openat2", path, errno: Errno.EINVAL) }
    identity = status.identity
  }

  /// A path without the system's own link.
  static func real(_ path: String) -> String {
    let system = "/var/run/"
    let isLink = (try? FileStatus.ofLink("/var/run"))?.kind == .symbolicLink
    return path.hasPrefix(system) && isLink ? "/run/" + path.dropFirst(system.count) : path
  }

  /// Puts it back where its directory is covered: the socket itself, by its descriptor. One that its service makes anew is
  /// another one, and gone for the jails that run.
  func restore(_ covers: Covers) throws {
    var names = path.split(separator: "/").map { Array($0.utf8) }
    guard let last = names.popLast() else { return }
    var directory = try FileDescriptor.refer(to: "/", follow: false)
    for name in names {
      if try covers.isOver(directory) { try directory.makeDirectory(name, mode: 0o755) }
      directory = try directory.refer(toWithoutLinks: name)
    }
    guard try covers.isOver(directory) else { return }
    try directory.makeFile(last)
    try Mounts.attach(try Mounts.clone(place), over: try directory.refer(toWithoutLinks: last))
  }
}
