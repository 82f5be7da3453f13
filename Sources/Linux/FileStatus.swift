internal import CLinux
internal import Glibc

/// What stat(2) says about a file.
public struct FileStatus: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case regular, directory, symbolicLink, socket, pipe, characterDevice, other
  }
  public let kind: Kind
  /// The permission bits, set-user-ID and sticky bits included.
  public let permissions: UInt32
  public let owner: UInt32
  /// In bytes.
  public let size: Int
  /// How many names it has; none, once it was removed.
  public let linkCount: Int
  /// What no two files share: device and inode.
  public let identity: [UInt64]
  /// Differs when the file was replaced or written: device, inode, size, and the time of the last change of its content or status.
  public let version: [Int]
  /// The major number of the device that the file is, if it is one.
  public let deviceMajor: UInt32

  /// The file at a path; a symbolic link itself is described, not what it names (lstat(2)).
  public static func ofLink(_ path: String) throws(SystemCallError) -> FileStatus {
    var status = stat()
    // SAFETY: the kernel writes one stat structure.
    try check("lstat", path) { unsafe lstat(path, &status) }
    return FileStatus(status)
  }

  /// The file at a path, through symbolic links (stat(2)).
  public static func of(_ path: String) throws(SystemCallError) -> FileStatus {
    var status = stat()
    // SAFETY: as above.
    try check("stat", path) { unsafe stat(path, &status) }
    return FileStatus(status)
  }

  /// The open file (fstat(2)).
  public static func of(_ descriptor: borrowing FileDescriptor) throws(SystemCallError) -> FileStatus {
    var status = stat()
    // SAFETY: as above.
    try check("fstat") { unsafe fstat(descriptor.rawValue, &status) }
    return FileStatus(status)
  }

  private init(_ status: stat) {
    kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .regular
      case S_IFDIR: .directory
      case S_IFLNK: .symbolicLink
      case S_IFSOCK: .socket
      case S_IFIFO: .pipe
      case S_IFCHR: .characterDevice
      default: .other
      }
    permissions = status.st_mode & 0o7777
    owner = status.st_uid
    size = Int(status.st_size)
    linkCount = Int(status.st_nlink)
    identity = [UInt64(status.st_dev), UInt64(status.st_ino)]
    version = [
      Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino), Int(status.st_size),
      status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
    ]
    deviceMajor = UInt32((status.st_rdev >> 8) & 0xfff)
  }

  /// Where a symbolic link points (readlink(2)).
  public static func target(ofLink path: String) throws(SystemCallError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    // SAFETY: the kernel writes at most the array's count, without a NUL.
    let length = try check("readlink", path) { unsafe readlink(path, &buffer, buffer.count) }
    return String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// A path without symbolic links, "." and ".." (realpath(3)).
  public static func resolve(_ path: String) throws(SystemCallError) -> String {
    // SAFETY: realpath allocates the result, which is freed once after it was copied.
    guard let resolved = unsafe realpath(path, nil) else {
      throw SystemCallError("realpath", path, errno: errno)
    }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// Makes a directory for its owner alone, unless there is something (mkdir(2)), or it cannot be made.
  public static func makePrivateDirectory(_ path: String) {
    // SAFETY: a NUL-terminated copy that outlives the call.
    _ = unsafe mkdir(path, 0o700)
  }

  /// Removes a file that may be gone already (unlink(2)).
  public static func remove(_ path: String) {
    // SAFETY: a NUL-terminated copy that outlives the call.
    _ = unsafe unlink(path)
  }

  /// The names in a directory, unsorted, without "." and ".." (readdir(3)).
  public static func names(in directory: String) throws(SystemCallError) -> [String] {
    let opened = try FileDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
    return try names(in: opened, of: nil).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The same of an open directory, as bytes; one that is only referred to is opened for that. Only names that begin
  /// with one of the prefixes, and with `kinds` those of other kinds only where the file system does not tell. It
  /// ends at the limit.
  public static func names(
    in directory: borrowing FileDescriptor, beginning prefixes: [[UInt8]] = [[]], of kinds: Set<Kind>?,
    atMost limit: Int = .max
  ) throws(SystemCallError) -> [[UInt8]] {
    let opened = try directory.open(at: ".", O_RDONLY | O_DIRECTORY)
    let number = opened.release()
    // SAFETY: the stream takes the descriptor over, and is closed once, after the last entry was copied.
    guard let stream = unsafe fdopendir(number) else {
      let code = errno
      _ = FileDescriptor(owning: number)
      throw SystemCallError("fdopendir", errno: code)
    }
    defer { unsafe closedir(stream) }
    var names: [[UInt8]] = []
    while names.count < limit, let entry = unsafe readdir(stream) {
      // SAFETY: the entry lives until the next readdir.
      if let kinds, let kind = Kind(ofEntry: unsafe entry.pointee.d_type), !kinds.contains(kind) { continue }
      let found = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes -> [UInt8]? in
        let name = unsafe bytes.prefix { $0 != 0 }
        let isWanted = prefixes.contains { unsafe name.starts(with: $0) }
        return isWanted ? unsafe Array(name) : nil
      }
      if let name = found, name != [0x2e], name != [0x2e, 0x2e] { names.append(name) }
    }
    return names
  }
}

extension FileStatus.Kind {
  /// What readdir(3) says of an entry; nil where the file system does not tell.
  fileprivate init?(ofEntry type: UInt8) {
    switch Int(type) {
    case DT_UNKNOWN: return nil
    case DT_REG: self = .regular
    case DT_DIR: self = .directory
    case DT_LNK: self = .symbolicLink
    case DT_SOCK: self = .socket
    case DT_FIFO: self = .pipe
    case DT_CHR: self = .characterDevice
    default: self = .other
    }
  }
}

/// Whether this process may execute a file (faccessat(2), AT_EACCESS).
public func isExecutable(_ path: String) -> Bool {
  // SAFETY: a NUL-terminated copy.
  unsafe faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0
}

/// The kernel's release, e.g. `6.1.0-18-amd64` (uname(2)).
public func kernelRelease() -> String {
  systemName { unsafe withUnsafeBytes(of: &$0.release) { unsafe text($0) } }
}

/// This host's name (uname(2), as gethostname(2) returns it).
public func hostName() -> String {
  systemName { unsafe withUnsafeBytes(of: &$0.nodename) { unsafe text($0) } }
}

private func systemName(_ field: (inout utsname) -> String) -> String {
  var name = utsname()
  // SAFETY: the kernel writes one utsname, whose fields are NUL-terminated.
  _ = unsafe uname(&name)
  return field(&name)
}

private func text(_ field: UnsafeRawBufferPointer) -> String {
  // SAFETY: the caller's field lives until this returns.
  unsafe String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
}
