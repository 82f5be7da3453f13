internal import Glibc

/// Says that files of a directory have been made or written to (inotify(7)).
public struct DirectoryChanges: ~Copyable {
  /// Readable when something has changed.
  public let descriptor: FileDescriptor

  /// Watches an open directory. EMFILE or ENOSPC where the user has used up what there is.
  public init(of directory: borrowing FileDescriptor) throws(SystemCallError) {
    let changes = FileDescriptor(
      owning: try check("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC | IN_NONBLOCK)) })
    let mask = UInt32(IN_CREATE | IN_MODIFY | IN_ONLYDIR)
    try check("inotify_add_watch") {
      // SAFETY: the string is passed as a NUL-terminated copy that outlives the call.
      unsafe inotify_add_watch(changes.rawValue, "/proc/self/fd/\(directory.rawValue)", mask)
    }
    descriptor = changes
  }

  /// Forgets what has changed by now.
  public func drain() {
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while let count = try? descriptor.read(into: &buffer), count == buffer.count {}
  }
}
