import Linux

/// What decides over later launches, and over this one from outside: not for the command to change, even where its
/// user is root.
enum TrustAnchors {
  private static let paths = [
    ConfigurationFiles.main, ConfigurationFiles.directory, PresetFiles.directory, "/etc/claude-code",
    "/usr/local/bin/claude-sandbox", "/usr/bin/claude-sandbox",
  ]

  /// Makes those that exist read-only in this mount namespace, and this program, wherever it is.
  static func freeze(_ own: OwnProcesses) throws {
    let program = try FileStatus.target(ofLink: "/proc/self/exe")
    for path in Set(paths + [program, PresetFiles.installed(by: program)]) {
      let isThere = try unlessAbsent { () throws(SystemCallError) in try FileStatus.of(path) } != nil
      if isThere { try Mounts.freeze(path) }
    }
    // To uid 0 the kernel gives the sysctls, and the files of our processes, by file mode, without any capability.
    // For others a mount below /proc would only keep nested sandboxes from mounting theirs, which as uid 0 they
    // cannot do anyway.
    guard Process.userID == 0 else { return }
    try denyNamespaces()
    try Mounts.freeze("/proc/sys")
    for process in own.ids { try Mounts.freeze("/proc/\(process)") }
  }

  /// Whether the command could write to an open file by `/proc/self/fd`, past what is frozen: a descriptor from outside leads to the
  /// mount from outside. Only uid 0 may write there at all.
  static func holds(_ descriptor: CInt) throws(SystemCallError) -> Bool {
    guard Process.userID == 0 else { return false }
    let file = Array(try FileStatus.target(ofLink: "/proc/self/fd/\(descriptor)").utf8)
    let presets = PresetFiles.installed(by: try FileStatus.target(ofLink: "/proc/self/exe"))
    for path in paths + [presets, "/proc/sys"] {
      let place = try unlessAbsent { () throws(SystemCallError) in try FileStatus.resolve(path) }
      if let place, file == Array(place.utf8) || file.isBelow(Array(place.utf8)) { return true }
    }
    return false
  }

  /// No user namespace below this one (namespaces(7), /proc/sys/user). In one a command could bind an empty directory, rename what is
  /// frozen into it, and write to it by that path. uid 0 loses nothing: without capabilities it cannot map itself in one. Where a
  /// container's engine made /proc/sys read-only, by a mount or by AppArmor, it stays as it is.
  private static func denyNamespaces() throws {
    do throws(SystemCallError) {
      try FileDescriptor.write("0", to: "/proc/sys/user/max_user_namespaces")
    } catch {
      guard [Errno.EROFS, Errno.ENOENT, Errno.EACCES].contains(error.errno) else { throw error }
    }
  }
}
