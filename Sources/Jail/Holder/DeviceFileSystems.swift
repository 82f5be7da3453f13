import Linux

/// File systems by which processes meet: shared memory, message queues, terminals. The jail gets instances of its own; where the
/// host's are mounted by other names, too, they are covered.
enum DeviceFileSystems {
  private static let memory = "/dev/shm"
  private static let queues = "/dev/mqueue"

  static func replace(_ mounts: [MountEntry], _ covers: inout Covers) throws {
    for mount in mounts where ["devpts", "mqueue"].contains(mount.type) {
      guard ![Array(queues.utf8), Array(Mounts.terminals.utf8)].contains(mount.path) else { continue }
      guard let place = try mount.place() else { continue }
      // A single terminal that is mounted over a file is the caller's console.
      if try FileStatus.of(place).kind == .directory {
        try covers.cover(place, .directory, named: mount.path)
      }
    }
    try Mounts.newTerminals()
    if try isDirectory(memory) {
      // As large as the host's: browsers and databases count on it.
      let isMounted = mounts.contains { $0.path.elementsEqual(memory.utf8) && $0.type == "tmpfs" }
      let size = isMounted ? "\(try Mounts.size(of: memory))" : "50%"
      try put(try Mounts.tmpfs(mode: "1777", size: size), memory, &covers)
    }
    if try isDirectory(queues) { try put(try Mounts.fileSystem("mqueue"), queues, &covers) }
  }

  private static func isDirectory(_ path: String) throws(SystemCallError) -> Bool {
    try unlessAbsent { () throws(SystemCallError) in try FileStatus.ofLink(path) }?.kind == .directory
  }

  private static func put(
    _ fileSystem: consuming FileDescriptor, _ path: String, _ covers: inout Covers
  ) throws {
    try covers.put(
      fileSystem, over: try FileDescriptor.refer(to: path, follow: false), named: Array(path.utf8))
  }
}
