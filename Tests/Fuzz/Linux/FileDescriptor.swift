/// Stands in for the real one: closing shows in `Network`.
public struct FileDescriptor: ~Copyable {
  public let rawValue: CInt

  public init(owning rawValue: CInt) { self.rawValue = rawValue }

  public static func contents(of path: String, limit: Int) throws(SystemCallError) -> [UInt8] {
    throw SystemCallError("open", path, errno: Errno.ENOENT)
  }

  deinit { Network.close(rawValue) }
}
