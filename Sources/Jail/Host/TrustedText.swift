import Linux
import Policy

/// What a file says that only the administrator can have written.
struct TrustedText {
  let path: String
  let bytes: [UInt8]

  init(path: String, bytes: [UInt8]) { (self.path, self.bytes) = (path, bytes) }

  /// nil where there is no file. `visit` gets everything on the way to it, as `TrustedFile` does it.
  init?(_ path: String, _ visit: (String) -> Void = { _ in }) throws(LaunchFailure) {
    guard let resolved = try Self.resolve(path, visit) else { return nil }
    self.path = path
    do throws(SystemCallError) {
      // Not blocking, so that a FIFO cannot hang the launch before it is refused.
      let file = try FileDescriptor.open(resolved, FileDescriptor.readOnlyNonBlocking)
      if try FileStatus.of(file).kind == .regular {
        bytes = try file.readAll(limit: 4 << 20)
        return
      }
    } catch {
      throw .untrustedConfiguration(.init(path, errno: error.errno, mode: "644"))
    }
    throw .untrustedConfiguration(
      .init(
        path: path, reason: "is not a regular file", fix: "replace \(path) with a regular file",
        isMissing: false))
  }

  /// The names of a directory's files that end in .conf, in order, as a shell expands `*.conf`: hidden files, such as an editor's
  /// lock, are not among them. None where there is no such directory.
  static func names(in directory: String, _ visit: (String) -> Void = { _ in }) throws(LaunchFailure)
    -> [String]
  {
    guard let resolved = try resolve(directory, visit) else { return [] }
    do throws(SystemCallError) {
      return try FileStatus.names(in: resolved).filter { $0.hasSuffix(".conf") && !$0.hasPrefix(".") }
        .sorted()
    } catch {
      throw .untrustedConfiguration(.init(directory, errno: error.errno, mode: "755"))
    }
  }

  private static func resolve(_ path: String, _ visit: (String) -> Void) throws(LaunchFailure) -> String? {
    do throws(TrustedFile.Distrust) {
      return try TrustedFile.resolve(path, visit: visit)
    } catch {
      if error.path != path {
        // A directory on the way that is not there leads nowhere else.
        if error.isMissing, error.path.isDirectory(above: path) { return nil }
        throw .untrustedConfiguration(
          .init(path: path, reason: "leads to \(error)", fix: error.fix, isMissing: false))
      }
      if error.isMissing { return nil }
      throw .untrustedConfiguration(error)
    }
  }
}

extension String {
  fileprivate func isDirectory(above path: String) -> Bool { path.hasPrefix(self + "/") }
}
