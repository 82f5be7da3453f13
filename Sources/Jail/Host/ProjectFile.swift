import Linux
import Policy
import Record

/// A project's own file, which makes the jails of its directory narrower. It is read at the launch only: afterwards it is the command's to
/// change.
struct ProjectFile: Sendable {
  static let name = ".claude-sandbox.conf"
  /// No project needs more bytes.
  private static let most = 256 << 10
  /// Characters of a path: PATH_MAX.
  private static let longestShown = 4096

  /// As a terminal may show it: a repository names its directories as it likes.
  let path: String
  let bytes: [UInt8]
  /// Whether it may open something, too: the administrator trusts its directory, and only the administrator can have written it.
  let mayWiden: Bool

  /// The nearest one, from the working directory up to the root of the repository that it is in; without a repository only the working
  /// directory's own. nil if there is none. One that is there and cannot be read is an error: it may be meant to close something.
  static func find(trusting directories: [Sourced<String>]) throws(LaunchFailure) -> ProjectFile? {
    // A removed directory has no files.
    guard let start = try? FileStatus.target(ofLink: "/proc/self/cwd") else { return nil }
    for directory in directoriesOfProject(start) {
      let path = (directory == "/" ? "" : directory) + "/\(name)"
      // What this user cannot look up is no project of theirs.
      guard (try? FileStatus.ofLink(path)) != nil else { continue }
      return ProjectFile(
        path: path.visible(limit: longestShown), bytes: try contents(path),
        mayWiden: isTrusted(path, directories.map(\.value)))
    }
    return nil
  }

  /// From the working directory up to the root of its repository, which is the first directory with a `.git`.
  private static func directoriesOfProject(_ start: String) -> [String] {
    var directories = [start]
    while let directory = directories.last {
      // An automounter acts on every name that is looked up in its directory.
      guard (try? FileSystemKind.of(directory))?.holdsFiles == true else {
        return directory == start ? [] : [start]
      }
      // Another user's, in /tmp, is not this user's repository.
      if let git = try? FileStatus.ofLink("\(directory)/.git"), isOwn(git) { return directories }
      if directory == "/" { return [start] }
      directories.append(directory.parentDirectory)
    }
    return directories
  }

  private static func contents(_ path: String) throws(LaunchFailure) -> [UInt8] {
    let shown = path.visible(limit: longestShown)
    func refusal(_ reason: String, _ fix: String) -> LaunchFailure {
      .untrustedConfiguration(.init(path: shown, reason: reason, fix: fix, isMissing: false))
    }
    let found: (status: FileStatus, bytes: [UInt8])
    do throws(SystemCallError) {
      // It waits for nobody, and follows no link.
      let file = try FileDescriptor.open(path, FileDescriptor.readOnlyUntrusted)
      let status = try FileStatus.of(file)
      found = (status, status.kind == .regular && isOwn(status) ? try file.readAll(limit: most) : [])
    } catch {
      switch error.errno {
      case Errno.ELOOP: throw refusal("is a symbolic link", "replace it with the file, or remove it")
      case Errno.EFBIG: throw refusal("is larger than \(most >> 10) KiB", "write less, or remove it")
      default: throw refusal(errnoText(error.errno), "chmod u+r \(shown), or remove it")
      }
    }
    guard found.status.kind == .regular else {
      throw refusal("is not a regular file", "replace it with one, or remove it")
    }
    guard isOwn(found.status) else {
      throw refusal(
        "belongs to uid \(found.status.owner)",
        "make it yours: chown \(Process.userID) \(shown), or remove it"
      )
    }
    return found.bytes
  }

  /// The caller's, or the administrator's. uid 0 is told by none of them: in a container, a repository is as a rule another user's.
  private static func isOwn(_ status: FileStatus) -> Bool {
    let administrator = try? FileStatus.of("/").owner
    return Process.userID == 0 || status.owner == Process.userID || status.owner == administrator
  }

  /// Never where the caller could have written it: who owns `/`, or is uid 0.
  private static func isTrusted(_ path: String, _ directories: [String]) -> Bool {
    guard !directories.isEmpty, Process.userID != 0, !TrustedFile.isWrittenByCaller,
      let file = try? TrustedFile.resolve(path), file == path
    else { return false }
    return directories.contains { directory in
      (try? TrustedFile.resolve(directory)).map { file.hasPrefix($0 + "/") } ?? false
    }
  }
}
