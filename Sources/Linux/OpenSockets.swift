internal import CLinux
internal import Glibc

/// Microseconds of the monotonic clock (clock_gettime(2)), for what takes less than a millisecond.
public func monotonicMicroseconds() -> Int {
  var now = timespec()
  // SAFETY: the kernel writes one timespec; CLOCK_MONOTONIC cannot fail.
  _ = unsafe clock_gettime(CLOCK_MONOTONIC, &now)
  return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

/// Which descriptor of a process is a socket (proc(5), /proc/PID/fd).
public struct OpenSocket: Sendable, Hashable {
  public let process: CInt
  /// The descriptor's number there.
  public let descriptor: CInt

  /// Looks at the descriptors of a process, no longer than until `deadline`. EACCES for a process that may not be looked into.
  public static func find(
    _ inode: UInt32, in process: CInt, until deadline: Int
  ) throws(SystemCallError) -> OpenSocket? {
    let directory = try FileDescriptor.open("/proc/\(process)/fd", O_RDONLY | O_DIRECTORY)
    let wanted = name(inode)
    let number = directory.rawValue
    let stream = try Entries(directory.release())
    var count = 0
    while let name = stream.next() {
      if Self.target(of: name, in: number) == wanted {
        return OpenSocket(
          process: process,
          descriptor: CInt(String(decoding: name.map(UInt8.init(bitPattern:)), as: UTF8.self)) ?? -1)
      }
      count += 1
      if count % 32 == 0, monotonicMicroseconds() >= deadline { return nil }
    }
    return nil
  }

  /// Whether it still is that socket.
  public func isStill(_ inode: UInt32) -> Bool {
    let path = Array("/proc/\(process)/fd/\(descriptor)".utf8)
    return Self.target(of: nulTerminated(path), in: AT_FDCWD) == Self.name(inode)
  }

  private static func name(_ inode: UInt32) -> [UInt8] { Array("socket:[\(inode)]".utf8) }

  /// Where a link points, as far as a socket's name can be long.
  private static func target(of name: [CChar], in directory: CInt) -> [UInt8] {
    // SAFETY: the name ends with NUL; the kernel writes at most the capacity.
    unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, length in
      guard let start = buffer.baseAddress else { return }
      length = max(0, unsafe readlinkat(directory, name, start, buffer.count))
    }
  }

  /// The names in a directory, one after the other: there may be a million.
  @safe private struct Entries: ~Copyable {
    private let stream: OpaquePointer

    /// Takes a directory over.
    init(_ directory: CInt) throws(SystemCallError) {
      // SAFETY: the stream takes the descriptor over, and is closed once, by deinit.
      guard let stream = unsafe fdopendir(directory) else {
        let code = errno
        _ = FileDescriptor(owning: directory)
        throw SystemCallError("fdopendir", errno: code)
      }
      unsafe self.stream = stream
    }

    deinit { unsafe closedir(stream) }

    func next() -> [CChar]? {
      // SAFETY: the entry lives until the next readdir; its name ends with NUL.
      guard let entry = unsafe readdir(stream) else { return nil }
      return unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe bytes.prefix { $0 != 0 }.map(CChar.init(bitPattern:)) + [0]
      }
    }
  }
}
