import Linux

/// What decides over later launches: not for the command to change, even where its user is root.
enum TrustAnchors {
  private static let paths = [
    ConfigurationFiles.main, ConfigurationFiles.directory, "/etc/claude-code",
    "/usr/local/bin/claude-sandbox",
    "/usr/bin/claude-sandbox",
  ]

  /// Makes those that exist read-only in this mount namespace, and this program, wherever it is.
  static func freeze() throws {
    let program = try FileStatus.target(ofLink: "/proc/self/exe")
    for path in Set(paths + [program]) where (try? FileStatus.of(path)) != nil { try Mounts.freeze(path) }
    // To uid 0 the kernel gives the sysctls by file mode, without any capability. For others a mount below
    // /proc would only keep nested sandboxes from mounting theirs, which as uid 0 they cannot do anyway.
    if Process.userID == 0 { try Mounts.freeze("/proc/sys") }
  }
}
