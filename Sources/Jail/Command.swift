import Linux

/// The command as the caller gave it: bytes, since arguments and environment need not be text.
public struct Command: Sendable {
  /// Name and arguments; never empty.
  public let arguments: [[UInt8]]
  /// `NAME=value`, all of them.
  public let environment: [[UInt8]]

  public init(arguments: [[UInt8]], environment: [[UInt8]]) {
    self.arguments = arguments
    self.environment = environment
  }

  /// Replaces this process with the command; returns only by throwing. A name without a slash is looked up in the caller's PATH,
  /// as execvp(3) does it, and a file without a known format is given to the shell.
  func execute() throws -> Never {
    guard let nameBytes = arguments.first else { throw LaunchFailure.command("", errno: Errno.ENOENT) }
    let name = String(decoding: nameBytes, as: UTF8.self)
    var failure = Errno.ENOENT
    for path in candidates(name) {
      do throws(SystemCallError) {
        try Process.execute(path, arguments: arguments, environment: environment)
      } catch {
        if error.errno == Errno.ENOEXEC {
          let script = [Array("/bin/sh".utf8), Array(path.utf8)] + arguments.dropFirst()
          try Process.execute("/bin/sh", arguments: script, environment: environment)
        }
        // A later directory may hold one that can be executed; if none does, "permission denied" says more than "not found".
        if error.errno != Errno.ENOENT && error.errno != Errno.ENOTDIR { failure = error.errno }
        if failure != Errno.ENOENT && failure != Errno.EACCES { break }
      }
    }
    throw LaunchFailure.command(name, errno: failure)
  }

  private func candidates(_ name: String) -> [String] {
    if name.isEmpty { return [] }
    if name.contains("/") { return [name] }
    return searchPath.split(separator: ":", omittingEmptySubsequences: false).map { directory in
      directory.isEmpty ? name : "\(directory)/\(name)"
    }
  }

  /// The caller's PATH, or the C library's default without one (execvp(3)).
  private var searchPath: String { variable("PATH") ?? "/bin:/usr/bin" }

  /// A variable of the caller's environment; the first, as getenv(3) takes it.
  public func variable(_ name: String) -> String? {
    let prefix = Array("\(name)=".utf8)
    return environment.first { $0.starts(with: prefix) }
      .map { String(decoding: $0.dropFirst(prefix.count), as: UTF8.self) }
  }
}
