internal import CLinux
internal import Glibc

/// Notifications that something in a directory has been written, made, moved or removed (inotify(7)).
public struct FileEvents: ~Copyable {
  public let descriptor: FileDescriptor

  /// Follows directories; one that is not there is passed over.
  public init(directories: [String]) throws(SystemCallError) {
    let descriptor = FileDescriptor(
      owning: try check("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)) })
    let events = UInt32(IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
    for directory in directories {
      // SAFETY: a NUL-terminated copy that outlives the call.
      _ = unsafe inotify_add_watch(descriptor.rawValue, directory, events)
    }
    self.descriptor = descriptor
  }

  /// Takes all notifications that are there.
  public func drain() throws(SystemCallError) {
    var buffer = [UInt8](repeating: 0, count: 4096)
    do throws(SystemCallError) {
      while try descriptor.read(into: &buffer) > 0 {}
    } catch {
      if error.errno != EAGAIN { throw error }
    }
  }
}
