package import Linux

/// What the holder has covered, each thing once. Nothing takes a cover off for the command: it has no capability over this mount
/// namespace, and in a nested one the mounts are locked together (mount_namespaces(7)).
package struct Covers {
  /// What is covered, as it was named.
  private(set) var paths: [[UInt8]] = []
  /// The IDs of the mounts by which it is.
  private var mounts: Set<Int>

  /// With what is covered already.
  package init(_ table: [MountEntry] = []) {
    mounts = Set(table.filter { $0.source == Mounts.tmpfsSource }.map(\.id))
  }

  /// Whether an open directory is one of ours, and empty when the command began.
  package func isOver(_ place: borrowing FileDescriptor) throws -> Bool {
    try !mounts.isEmpty && mounts.contains(Mounts.id(of: place))
  }

  /// Whether a path is covered, or below what is.
  func hide(_ path: [UInt8]) -> Bool { paths.contains { path == $0 || path.isBelow($0) } }

  /// A link that leads to what is covered.
  mutating func add(name path: String) { paths.append(Array(path.utf8)) }

  /// Covers a directory with an empty one, or a socket with /dev/null.
  mutating func cover(
    _ place: borrowing FileDescriptor, _ kind: FileStatus.Kind, named path: [UInt8]
  ) throws {
    if kind == .directory {
      // By another name it may be covered already.
      if try !isOver(place) { try put(try Mounts.tmpfs(mode: "0700"), over: place, named: path) }
      return
    }
    let null = try Mounts.clone("/dev/null")
    guard try FileStatus.of(null).kind == .characterDevice else {
      throw SystemCallError("open_tree", "/dev/null", errno: Errno.EINVAL)
    }
    try note(place, path)
    try Mounts.attach(null, over: place)
  }

  /// Covers a directory with a file system of the jail's own.
  mutating func put(
    _ fileSystem: borrowing FileDescriptor, over place: borrowing FileDescriptor, named path: [UInt8]
  ) throws {
    try note(place, path)
    try Mounts.attach(fileSystem, over: place)
    mounts.insert(try Mounts.id(of: fileSystem))
  }

  /// As it was named, and where that leads: the working directory is known by its path without links.
  private mutating func note(_ place: borrowing FileDescriptor, _ path: [UInt8]) throws {
    paths.append(path)
    let real = try FileDescriptor.refer(to: "/proc/self/fd", follow: true).target(
      ofLink: Array("\(place.rawValue)".utf8))
    if real != path { paths.append(real) }
  }
}
