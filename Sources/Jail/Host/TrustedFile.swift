import Linux

/// A file that only the administrator can have put where it is: the launcher reads and executes no other.
///
/// Every directory on the way, every symbolic link's directory, and the file itself belong to root and are
/// writable by nobody else. In a container without the host's root, "root" is the user that owns `/`.
public enum TrustedFile {
  /// Why a file is not trusted.
  public struct Distrust: Error, Equatable, CustomStringConvertible {
    public let path: String
    public let reason: String
    /// How to make it trusted.
    public let fix: String
    /// What was there, for callers that treat a missing file apart.
    public let isMissing: Bool

    public var description: String { "\(path): \(reason)" }

    init(path: String, reason: String, fix: String, isMissing: Bool) {
      self.path = path
      self.reason = reason
      self.fix = fix
      self.isMissing = isMissing
    }

    /// A file that could not be looked up or, given the mode that it needs, not read.
    init(_ path: String, errno: CInt, mode: String? = nil) {
      let fix =
        switch errno {
        case Errno.EACCES: "chmod \(mode ?? "755") \(mode == nil ? path.parentDirectory : path)"
        case Errno.ENOENT: "create \(path), or remove what refers to it"
        case Errno.ELOOP: "replace \(path), a symbolic link that leads back to itself, with a file"
        default: "replace \(path) with a regular file that everyone can read"
        }
      self.init(path: path, reason: errnoText(errno), fix: fix, isMissing: errno == Errno.ENOENT)
    }
  }

  /// Whether the caller is who may write such files, by what the kernel says; also when it says nothing.
  static var isWrittenByCaller: Bool {
    guard let root = try? FileStatus.of("/") else { return true }
    return root.owner == Process.userID
  }

  /// Follows a path to the file that it names, checking each step; the path without symbolic links. `visit` gets every directory,
  /// link and file on the way before anything is looked up in it, or of it, whether it is there or not.
  public static func resolve(_ path: String, visit: (String) -> Void = { _ in }) throws(Distrust) -> String {
    let administrator = try status("/", FileStatus.of).owner
    var pending = components(path)
    var resolved = ""
    var links = 0
    visit("/")
    try checkOwnership("/", status("/", FileStatus.of), administrator)
    while let name = pending.first {
      pending.removeFirst()
      let next = resolved + "/" + name
      visit(next)
      let found = try status(next, FileStatus.ofLink)
      if found.kind == .symbolicLink {
        links += 1
        if links > 40 { throw Distrust(path, errno: Errno.ELOOP) }
        let target = try linkTarget(next)
        if target.hasPrefix("/") { resolved = "" }
        pending = components(target, below: &resolved) + pending
        continue
      }
      try checkOwnership(next, found, administrator)
      resolved = next
    }
    return resolved
  }

  private static func components(_ path: String) -> [String] {
    path.split(separator: "/").map(String.init).filter { $0 != "." }
  }

  /// The components of a link's target, with leading ".." taken off the directory that holds the link.
  private static func components(_ target: String, below directory: inout String) -> [String] {
    var parts = components(target)[...]
    while parts.first == ".." {
      parts = parts.dropFirst()
      directory = directory.lastIndex(of: "/").map { String(directory[..<$0]) } ?? ""
    }
    return Array(parts)
  }

  private static func checkOwnership(
    _ path: String, _ status: FileStatus, _ administrator: UInt32
  ) throws(Distrust) {
    if status.owner != administrator {
      throw Distrust(
        path: path, reason: "is owned by uid \(status.owner), not by root", fix: "chown root:root \(path)",
        isMissing: false)
    }
    if status.permissions & 0o022 != 0 {
      let mode = String(status.permissions, radix: 8)
      throw Distrust(
        path: path, reason: "is writable by users other than root (mode \(mode))", fix: "chmod go-w \(path)",
        isMissing: false)
    }
  }

  private static func status(
    _ path: String, _ read: (String) throws(SystemCallError) -> FileStatus
  ) throws(Distrust) -> FileStatus {
    do throws(SystemCallError) {
      return try read(path)
    } catch {
      throw Distrust(path, errno: error.errno)
    }
  }

  private static func linkTarget(_ path: String) throws(Distrust) -> String {
    do throws(SystemCallError) {
      return try FileStatus.target(ofLink: path)
    } catch {
      throw Distrust(path, errno: error.errno)
    }
  }
}
