internal import CLinux
internal import Glibc

/// Notifications that something in a directory has been written, made or moved there (inotify(7)).
public struct FileEvents: ~Copyable {
  public let descriptor: FileDescriptor
  /// The directories by watch: one that has two names has one watch.
  private var directories: [CInt: Set<String>] = [:]

  /// Follows directories; one that is not there is passed over.
  public init(directories: [String]) throws(SystemCallError) {
    descriptor = FileDescriptor(
      owning: try check("inotify_init1") { inotify_init1(CInt(IN_CLOEXEC) | CInt(IN_NONBLOCK)) })
    follow(directories)
  }

  /// Follows those, too, that have come to be there; one that is followed already stays so.
  public mutating func follow(_ directories: [String]) {
    let events = UInt32(IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO)
    for directory in directories {
      // SAFETY: a NUL-terminated copy that outlives the call.
      let watch = unsafe inotify_add_watch(descriptor.rawValue, directory, events)
      if watch >= 0 { self.directories[watch, default: []].insert(directory) }
    }
  }

  /// Gives up the descriptor, which stays open.
  public consuming func release() -> CInt { descriptor.release() }

  /// Takes the notifications that are there: the paths of the files concerned, by the names under which their
  /// directories are followed. Lost ones are told as an empty path.
  public func drain() throws(SystemCallError) -> Set<String> {
    var paths: Set<String> = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    do throws(SystemCallError) {
      while true {
        let count = try descriptor.read(into: &buffer)
        var rest = buffer[..<count]
        // struct inotify_event: watch, mask, cookie, length of the name, and the name, padded with NULs.
        while rest.count >= 16 {
          let watch = CInt(bitPattern: Self.number(rest.prefix(4)))
          let length = Int(Self.number(rest.dropFirst(12).prefix(4)))
          let name = String(decoding: rest.dropFirst(16).prefix(length).prefix { $0 != 0 }, as: UTF8.self)
          paths.formUnion(name.isEmpty ? [""] : (directories[watch] ?? []).map { "\($0)/\(name)" })
          rest = rest.dropFirst(16 + length)
        }
      }
    } catch {
      if error.errno != EAGAIN { throw error }
      return paths
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
