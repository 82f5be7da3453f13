internal import CLinux
internal import Glibc

/// Notifications that a file has been written, made, removed, renamed or given another mode (inotify(7)).
///
/// They say only that something has happened: the queue can overflow, so what it was has to be looked at.
public struct FileEvents: ~Copyable {
  /// What came since it was taken last.
  public struct News {
    /// Whether anything came.
    public fileprivate(set) var isThere = false
    /// Whether the last that was told of writing is that it goes on, or that it has ended; nil if nothing was.
    public fileprivate(set) var isBeingWritten: Bool?
  }

  private let queue: FileDescriptor
  /// The numbers of the watches, and of those that the present pass has asked for.
  private var watches: Set<CInt> = []
  private var asked: Set<CInt> = []

  /// EMFILE when the user's instances are used up.
  public init() throws(SystemCallError) {
    queue = FileDescriptor(
      owning: try check("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)) })
  }

  /// Borrowed, for waiting.
  public var descriptor: CInt { queue.rawValue }

  /// How many files and directories the present pass has asked for.
  public var count: Int { asked.count }

  /// Begins to say anew what is to be watched.
  public mutating func beginPass() { asked = [] }

  /// Watches the file or directory at a path, or the symbolic link itself, until its name is another's. ENOSPC when the user's
  /// watches are used up, EACCES for what is not readable.
  public mutating func watch(_ path: String) throws(SystemCallError) {
    let events =
      IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB
      | IN_DELETE_SELF | IN_MOVE_SELF
    let watch = try check("inotify_add_watch", path) {
      // SAFETY: the string is passed as a NUL-terminated copy that outlives the call.
      unsafe inotify_add_watch(queue.rawValue, path, UInt32(events) | UInt32(IN_DONT_FOLLOW))
    }
    watches.insert(watch)
    asked.insert(watch)
  }

  /// Lets go of what was not asked for since the pass began.
  public mutating func endPass() {
    // One that has gone with its file is not there any more, and its number is no other's.
    for watch in watches.subtracting(asked) { inotify_rm_watch(queue.rawValue, watch) }
    watches = asked
  }

  /// Ends without waiting for the kernel: the last close(2) of an instance with watches takes some 15 ms.
  public consuming func closeInBackground() throws(SystemCallError) {
    try FileDescriptor.closeInBackground([queue.release()])
  }

  /// How many bytes are taken at once, and how often: more than a queue holds (fs.inotify.max_queued_events).
  private static let portion = 1 << 16
  private static let portions = 128

  /// Takes what has come. What cannot be taken is something that came.
  public mutating func take() -> News {
    var news = News()
    var buffer = [UInt8](repeating: 0, count: Self.portion)
    for _ in 0..<Self.portions {
      do throws(SystemCallError) {
        Self.read(buffer[..<(try queue.read(into: &buffer))], into: &news)
      } catch {
        if error.errno != EAGAIN { news.isThere = true }
        break
      }
    }
    return news
  }

  /// struct inotify_event: watch, mask, cookie, length of the name, and the name. A whole number of them is read.
  private static func read(_ bytes: ArraySlice<UInt8>, into news: inout News) {
    var start = bytes.startIndex
    while start + 16 <= bytes.endIndex {
      let mask = number(bytes[(start + 4)..<(start + 8)])
      // The end of a watch: whatever ended it has been told.
      if mask & UInt32(IN_IGNORED) == 0 { news.isThere = true }
      if mask & UInt32(IN_CLOSE_WRITE | IN_MOVED_TO) != 0 {
        news.isBeingWritten = false
      } else if mask & UInt32(IN_MODIFY | IN_CREATE) != 0, mask & UInt32(IN_ISDIR) == 0 {
        news.isBeingWritten = true
      }
      start += 16 + Int(number(bytes[(start + 12)..<(start + 16)]))
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
