internal import CLinux
internal import Glibc

/// Notifications that something in a directory has been written, made or moved there (inotify(7)).
public struct FileEvents: ~Copyable {
  public let descriptor: FileDescriptor
  /// The directories by watch: one that has two names has one watch.
  private var directories: [CInt: Set<String>] = [:]

  /// How many directories are followed.
  public var count: Int { directories.count }

  public init() throws(SystemCallError) {
    descriptor = FileDescriptor(
      owning: try check("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)) })
  }

  /// Follows those, too, that have come to be there; one that is followed already stays so. One that is not there
  /// is passed over, and so is one of somebody else's that this user may not read. ENOSPC when the user's watches
  /// are used up, EACCES for an own directory that is not readable.
  public mutating func follow(_ directories: [String]) throws(SystemCallError) {
    let events = UInt32(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO)
    for directory in directories {
      do throws(SystemCallError) {
        // SAFETY: a NUL-terminated copy that outlives the call.
        let watch = try check("inotify_add_watch", directory) {
          unsafe inotify_add_watch(descriptor.rawValue, directory, events)
        }
        self.directories[watch, default: []].insert(directory)
      } catch {
        let gone = [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG]
        let isOwn = (try? FileStatus.of(directory))?.owner == Process.userID
        guard gone.contains(error.errno) || error.errno == EACCES && !isOwn else { throw error }
      }
    }
  }

  /// Gives up the descriptor, which stays open.
  public consuming func release() -> CInt { descriptor.release() }

  /// How many bytes of notifications are taken at once; what is left keeps the descriptor readable.
  private static let portion = 1 << 16

  /// Takes notifications: the paths of the files concerned, by the names under which their directories are followed.
  /// Lost ones are told as an empty path.
  public mutating func take() throws(SystemCallError) -> Set<String> {
    var paths: Set<String> = []
    var buffer = [UInt8](repeating: 0, count: Self.portion)
    do throws(SystemCallError) {
      let count = try descriptor.read(into: &buffer)
      var rest = buffer[..<count]
      // struct inotify_event: watch, mask, cookie, length of the name, and the name, padded with NULs.
      while rest.count >= 16 {
        let watch = CInt(bitPattern: Self.number(rest.prefix(4)))
        let mask = Self.number(rest.dropFirst(4).prefix(4))
        let length = Int(Self.number(rest.dropFirst(12).prefix(4)))
        let name = String(decoding: rest.dropFirst(16).prefix(length).prefix { $0 != 0 }, as: UTF8.self)
        if mask & UInt32(IN_Q_OVERFLOW) != 0 {
          paths.insert("")
        } else if mask & UInt32(IN_IGNORED) != 0 {
          // The directory has gone. Its number is not given to another.
          directories[watch] = nil
        } else {
          paths.formUnion((directories[watch] ?? []).map { "\($0)/\(name)" })
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
