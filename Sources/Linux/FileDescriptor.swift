internal import CLinux
internal import Glibc

/// An open file description with one owner, closed when the owner lets go. Close-on-exec from birth.
public struct FileDescriptor: ~Copyable {
  /// The number; borrowed, never to be closed by whoever reads it.
  public let rawValue: CInt

  /// Takes ownership of an open descriptor.
  public init(owning rawValue: CInt) { self.rawValue = rawValue }

  deinit { _ = Glibc.close(rawValue) }

  /// Gives up ownership: the descriptor stays open, and is the caller's to close.
  public consuming func release() -> CInt {
    let value = rawValue
    discard self
    return value
  }

  /// A second descriptor for the same open file description (dup(2), close-on-exec).
  public func duplicate() throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(owning: try check("dup") { clinux_fcntl(rawValue, F_DUPFD_CLOEXEC, 3) })
  }

  /// Reads at most `buffer.count` bytes (read(2)); an empty span's worth, 0, is the end of the file.
  public func read(into buffer: inout [UInt8]) throws(SystemCallError) -> Int {
    try check("read") {
      // SAFETY: the kernel writes at most the array's count into it.
      unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(rawValue, $0.baseAddress, $0.count) }
    }
  }

  /// Reads up to the end of the file. EFBIG when there are more than `limit` bytes.
  public func readAll(limit: Int) throws(SystemCallError) -> [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16384)
    while true {
      let count = try read(into: &buffer)
      if count == 0 { return result }
      result.append(contentsOf: buffer[..<count])
      if result.count > limit { throw SystemCallError("read", errno: EFBIG) }
    }
  }

  /// Reads a file of /proc anew, at most `limit` bytes of it (lseek(2), read(2)).
  public func readFromStart(limit: Int) throws(SystemCallError) -> [UInt8] {
    try check("lseek") { lseek(rawValue, 0, SEEK_SET) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16384)
    while result.count < limit {
      let count = try read(into: &buffer)
      if count == 0 { break }
      result.append(contentsOf: buffer[..<min(count, limit - result.count)])
    }
    return result
  }

  /// Writes all of the bytes (write(2)).
  public func write(_ bytes: some Collection<UInt8>) throws(SystemCallError) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let written = try check("write") {
        // SAFETY: the kernel reads exactly the bytes of the buffer.
        unsafe rest.withUnsafeBytes { unsafe Glibc.write(rawValue, $0.baseAddress, $0.count) }
      }
      rest = rest.dropFirst(written)
    }
  }

  /// Puts a copy at a fixed number, without close-on-exec: what a program to be executed inherits (dup3(2)).
  public func place(at number: CInt) throws(SystemCallError) {
    try Process.place(rawValue, at: number)
  }
}

extension FileDescriptor {
  public static let readOnly = O_RDONLY
  public static let readWrite = O_RDWR
  public static let createNew = O_WRONLY | O_CREAT | O_EXCL
  /// A file of one's own that is only added to, and may be read back.
  public static let createNewAppending = O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW
  /// A file that anyone may have put there: no link, and no waiting for the other end of a FIFO.
  public static let readOnlyUntrusted = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW
  /// Never waits, as open(2) would for the other end of a FIFO.
  public static let readOnlyNonBlocking = O_RDONLY | O_NONBLOCK | O_NOCTTY

  /// Opens a file (open(2)), always close-on-exec.
  public static func open(
    _ path: String, _ flags: CInt, mode: UInt32 = 0
  ) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(
      // SAFETY: the string is passed as a NUL-terminated copy that outlives the call.
      owning: try check("open", path) { unsafe clinux_open(path, flags | O_CLOEXEC, mode) })
  }

  /// Opens a file relative to this directory (openat(2)), always close-on-exec.
  public func open(
    at path: String, _ flags: CInt, mode: UInt32 = 0
  ) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(
      // SAFETY: as above.
      owning: try check("openat", path) { unsafe clinux_openat(rawValue, path, flags | O_CLOEXEC, mode) })
  }

  /// Refers to a file without opening it (open(2), O_PATH), also where nothing but its name may be looked up. A link at
  /// the end is referred to itself, unless `follow` says otherwise.
  public static func refer(to path: String, follow: Bool) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(
      // SAFETY: the string is passed as a NUL-terminated copy that outlives the call.
      owning: try check("open", path) {
        unsafe clinux_openat_path(AT_FDCWD, path, follow ? 0 : O_NOFOLLOW)
      })
  }

  /// The same of a path that has no symbolic link on the way; ELOOP if it has one (openat2(2), Linux 5.6).
  public static func refer(toWithoutLinks path: some Collection<UInt8>) throws(SystemCallError)
    -> FileDescriptor
  {
    try refer(at: AT_FDCWD, withoutLinks: Array(path), crossing: true)
  }

  /// The same below this directory. EXDEV where another file system is mounted on the way, unless `crossing`. A name is
  /// bytes without a NUL.
  public func refer(
    toWithoutLinks path: [UInt8], crossing: Bool = true
  ) throws(SystemCallError) -> FileDescriptor {
    try Self.refer(at: rawValue, withoutLinks: path, crossing: crossing)
  }

  private static func refer(
    at directory: CInt, withoutLinks path: [UInt8], crossing: Bool
  ) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(
      // SAFETY: the array ends with NUL and outlives the call.
      owning: try check("openat2", String(decoding: path, as: UTF8.self)) {
        unsafe clinux_open_path_without_links(directory, nulTerminated(path), crossing ? 1 : 0)
      })
  }

  /// The same of a path that may be any bytes.
  public static func refer(toPath path: [UInt8], follow: Bool) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(
      // SAFETY: the array ends with NUL and outlives the call.
      owning: try check("open", String(decoding: path, as: UTF8.self)) {
        unsafe clinux_openat_path(AT_FDCWD, nulTerminated(path), follow ? 0 : O_NOFOLLOW)
      })
  }

  /// Makes a directory in this one, with exactly these permissions (mkdirat(2)); one that is there is left as it is.
  public func makeDirectory(_ name: [UInt8], mode: UInt32) throws(SystemCallError) {
    do throws(SystemCallError) {
      // SAFETY: the array ends with NUL and outlives the call.
      try check("mkdirat", String(decoding: name, as: UTF8.self)) {
        unsafe mkdirat(rawValue, nulTerminated(name), mode)
      }
      // SAFETY: as above. What the umask took away comes back.
      try check("fchmodat") { unsafe fchmodat(rawValue, nulTerminated(name), mode, 0) }
    } catch {
      if error.errno != EEXIST { throw error }
    }
  }

  /// Makes a directory in this one for its owner alone, unless there is something (mkdirat(2)).
  public func makePrivateDirectory(_ name: [UInt8]) throws(SystemCallError) {
    do throws(SystemCallError) {
      // SAFETY: as above.
      try check("mkdirat", String(decoding: name, as: UTF8.self)) {
        unsafe mkdirat(rawValue, nulTerminated(name), 0o700)
      }
    } catch {
      if error.errno != EEXIST { throw error }
    }
  }

  /// Removes a file, or a link itself, from this directory (unlinkat(2)).
  public func remove(_ name: String) throws(SystemCallError) {
    // SAFETY: a NUL-terminated copy that outlives the call.
    try check("unlinkat", name) { unsafe unlinkat(rawValue, name, 0) }
  }

  /// Cuts this file off (ftruncate(2)).
  public func truncate(to size: Int) throws(SystemCallError) {
    try check("ftruncate") { ftruncate(rawValue, size) }
  }

  /// Reads at most `buffer.count` bytes from a place in the file (pread(2)); 0 is the end.
  public func read(into buffer: inout [UInt8], at offset: Int) throws(SystemCallError) -> Int {
    try check("pread") {
      // SAFETY: the kernel writes at most the array's count into it.
      unsafe buffer.withUnsafeMutableBytes { unsafe pread(rawValue, $0.baseAddress, $0.count, offset) }
    }
  }

  /// Locks this open file, for as long as it is open (flock(2)); false if another has it.
  public func lock() throws(SystemCallError) -> Bool {
    do throws(SystemCallError) {
      try check("flock") { flock(rawValue, LOCK_EX | LOCK_NB) }
      return true
    } catch {
      if error.errno == EWOULDBLOCK { return false }
      throw error
    }
  }

  /// Makes the directories of a path below this one, where they are missing, and refers to the last.
  public func makeDirectories(_ path: some Sequence<[UInt8]>) throws(SystemCallError) -> FileDescriptor {
    var directory = try refer(toWithoutLinks: [UInt8(ascii: ".")])
    for name in path {
      try directory.makeDirectory(name, mode: 0o755)
      directory = try directory.refer(toWithoutLinks: name)
    }
    return directory
  }

  /// Makes an empty file in this directory (openat(2)). EEXIST if there is something.
  public func makeFile(_ name: [UInt8]) throws(SystemCallError) {
    _ = FileDescriptor(
      // SAFETY: as above.
      owning: try check("openat", String(decoding: name, as: UTF8.self)) {
        unsafe clinux_openat(rawValue, nulTerminated(name), Self.createNew | O_CLOEXEC, 0o600)
      })
  }

  /// Makes a symbolic link in this directory (symlinkat(2)).
  public func makeLink(_ name: [UInt8], to target: [UInt8]) throws(SystemCallError) {
    try check("symlinkat", String(decoding: name, as: UTF8.self)) {
      // SAFETY: as above.
      unsafe symlinkat(nulTerminated(target), rawValue, nulTerminated(name))
    }
  }

  /// Where a symbolic link in this directory points (readlinkat(2)).
  public func target(ofLink name: [UInt8]) throws(SystemCallError) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = try check("readlinkat", String(decoding: name, as: UTF8.self)) {
      // SAFETY: the kernel writes at most the array's count, without a NUL.
      unsafe readlinkat(rawValue, nulTerminated(name), &buffer, buffer.count)
    }
    return buffer[..<length].map(UInt8.init(bitPattern:))
  }

  /// Reads a whole small file. ENOENT and the like as open(2) gives them; EFBIG above `limit` bytes.
  public static func contents(of path: String, limit: Int = 1 << 20) throws(SystemCallError) -> [UInt8] {
    try open(path, O_RDONLY).readAll(limit: limit)
  }

  /// Writes into an existing file in one write(2), as the files of /proc want it.
  public static func write(_ text: String, to path: String) throws(SystemCallError) {
    let file = try open(path, O_WRONLY)
    do throws(SystemCallError) {
      try file.write(text.utf8)
    } catch {
      throw SystemCallError("write", path, errno: error.errno)
    }
  }
}

/// The two ends of a pipe (pipe(7)).
public struct Pipe: ~Copyable {
  public let reader: FileDescriptor
  public let writer: FileDescriptor

  /// pipe2(2) with O_CLOEXEC.
  public init() throws(SystemCallError) {
    var ends: [CInt] = [-1, -1]
    // SAFETY: the kernel writes two descriptors.
    try check("pipe2") { unsafe pipe2(&ends, O_CLOEXEC) }
    reader = FileDescriptor(owning: ends[0])
    writer = FileDescriptor(owning: ends[1])
  }

  /// Keeps one end and closes the other.
  public consuming func keepReader() -> FileDescriptor { reader }
  /// Keeps one end and closes the other.
  public consuming func keepWriter() -> FileDescriptor { writer }
}

/// A name or path for the kernel.
func nulTerminated(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
