import Linux

/// The directory in which the command begins. A process stays in its directory when something is mounted over it, and `./bus`
/// would be what was there before.
struct WorkingDirectory {
  private let path: [UInt8]

  /// That of this process, before anything is covered.
  init() throws {
    path = try FileDescriptor.refer(to: "/proc/self", follow: true).target(ofLink: Array("cwd".utf8))
  }

  /// Enters it anew, by its name. One that cannot be looked up, which may be because it was removed or the user may not search a
  /// directory above, is kept, unless it is below what is covered.
  func enterAnew(_ covers: Covers) throws {
    do throws(SystemCallError) {
      try Process.enterDirectory(path)
    } catch {
      guard path.first == UInt8(ascii: "/"), !covers.hide(path) else {
        throw JailFailure.workingDirectory(String(decoding: path, as: UTF8.self), errno: error.errno)
      }
    }
  }
}
