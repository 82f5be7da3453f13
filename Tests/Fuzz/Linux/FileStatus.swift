/// Stands in for the real one: there are no files.
public struct FileStatus {
  public let version: [Int]

  public static func of(_ path: String) throws(SystemCallError) -> FileStatus {
    throw SystemCallError("stat", path, errno: Errno.ENOENT)
  }
}
