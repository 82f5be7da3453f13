import Linux

/// What decides over later launches: not for the command to change, even where its user is root.
enum TrustAnchors {
  private static let paths = [
    ConfigurationFiles.main, ConfigurationFiles.directory, "/etc/claude-code", "/usr/local/bin/claude-sandbox",
    "/usr/bin/claude-sandbox",
  ]

  /// Makes those that exist read-only in this mount namespace.
  static func freeze() throws {
    for path in paths where (try? FileStatus.of(path)) != nil { try Mounts.freeze(path) }
  }
}
