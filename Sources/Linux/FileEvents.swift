internal import CLinux
internal import Glibc

/// Notifications that something in a directory has been written, made or moved there (inotify(7)).
public struct FileEvents: ~Copyable {
  public let descriptor: FileDescriptor
  /// By the number of its watch, each directory that is followed. One that has two names has one watch.
  private var directories: [CInt: (names: [[UInt8]], pass: Int)] = [:]
  private var pass = 0

  public init() throws(SystemCallError) {
    descriptor = FileDescriptor(
      owning: try check("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)) })
  }

  /// Begins to say anew which directories are to be followed.
  public mutating func beginPass() { pass &+= 1 }

  /// Follows a directory. One at whose name nothing answers is passed over, and so is one of somebody else's that
  /// this user may not read. ENOSPC when the user's watches are used up, EACCES for an own directory that is not
  /// readable.
  public mutating func follow(_ directory: [UInt8]) throws(SystemCallError) {
    let events = UInt32(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)
    let path = nulTerminated(directory)
    do throws(SystemCallError) {
      // SAFETY: a NUL-terminated array that outlives the call.
      let watch = try check("inotify_add_watch", String(decoding: directory, as: UTF8.self)) {
        unsafe inotify_add_watch(descriptor.rawValue, path, events)
      }
      let names = directories[watch].flatMap { $0.pass == pass ? $0.names : nil } ?? []
      if !names.contains(directory) { directories[watch] = (names + [directory], pass) }
    } catch {
      guard error.isAbsence else { throw error }
      if error.errno == EACCES, let found = try? FileDescriptor.refer(toPath: directory, follow: true),
        try FileStatus.of(found).owner == Process.userID
      {
        throw error
      }
    }
  }

  /// Follows no longer what was not named since the pass began.
  public mutating func endPass() {
    for (watch, directory) in directories where directory.pass != pass {
      inotify_rm_watch(descriptor.rawValue, watch)
      directories[watch] = nil
    }
  }

  /// Gives up the descriptor, which stays open.
  public consuming func release() -> CInt { descriptor.release() }

  /// How many bytes of notifications are taken at once; what is left keeps the descriptor readable.
  private static let portion = 1 << 16

  /// Takes notifications: the paths of the files concerned, by the names under which their directories are followed.
  /// Lost ones are told as an empty path.
  public mutating func take() throws(SystemCallError) -> Set<[UInt8]> {
    var paths: Set<[UInt8]> = []
    var buffer = [UInt8](repeating: 0, count: Self.portion)
    do throws(SystemCallError) {
      let count = try descriptor.read(into: &buffer)
      var rest = buffer[..<count]
      // struct inotify_event: watch, mask, cookie, length of the name, and the name, padded with NULs.
      while rest.count >= 16 {
        let watch = CInt(bitPattern: Self.number(rest.prefix(4)))
        let mask = Self.number(rest.dropFirst(4).prefix(4))
        let length = Int(Self.number(rest.dropFirst(12).prefix(4)))
        let name = rest.dropFirst(16).prefix(length).prefix { $0 != 0 }
        if mask & UInt32(IN_Q_OVERFLOW) != 0 {
          paths.insert([])
        } else if mask & UInt32(IN_IGNORED) != 0 {
          // The directory has gone. Its number is not given to another.
          directories[watch] = nil
        } else {
          paths.formUnion((directories[watch]?.names ?? []).map { $0 + [UInt8(ascii: "/")] + name })
        }
        rest = rest.dropFirst(16 + length)
      }
    } catch {
      if error.errno != EAGAIN { throw error }
    }
    return paths
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
