import Linux

/// The command as the caller gave it: bytes, since arguments and environment need not be text.
public struct Command: Sendable {
  /// Name and arguments; never empty.
  public let arguments: [[UInt8]]
  public let environment: Environment

  public init(arguments: [[UInt8]], environment: Environment = .own) {
    self.arguments = arguments
    self.environment = environment
  }

  /// Replaces this process with the command; returns only by throwing. A name without a slash is looked up in
  /// the caller's PATH, as execvp(3) does it, and a file without a known format is given to the shell.
  func execute() throws -> Never {
    let name = arguments.first ?? []
    var failure = Errno.ENOENT
    for path in candidates(name) {
      do throws(SystemCallError) {
        try Process.execute(path, arguments: arguments, environment: environment.entries)
      } catch {
        if error.errno == Errno.ENOEXEC { try executeScript(path) }
        // A later directory may hold one that can be executed; if none does, "permission denied" says more
        // than "not found".
        if error.errno != Errno.ENOENT && error.errno != Errno.ENOTDIR { failure = error.errno }
        if failure != Errno.ENOENT && failure != Errno.EACCES { break }
      }
    }
    throw JailFailure.command(String(decoding: name, as: UTF8.self), errno: failure)
  }

  private func executeScript(_ path: [UInt8]) throws(JailFailure) -> Never {
    let shell = Array("/bin/sh".utf8)
    do throws(SystemCallError) {
      try Process.execute(
        shell, arguments: [shell, path] + arguments.dropFirst(), environment: environment.entries)
    } catch {
      throw .command("/bin/sh", errno: error.errno)
    }
  }

  private func candidates(_ name: [UInt8]) -> [[UInt8]] {
    let slash = UInt8(ascii: "/")
    if name.isEmpty { return [] }
    if name.contains(slash) { return [name] }
    // Without a PATH, the C library's default (execvp(3)).
    let path = environment.bytes("PATH") ?? Array("/bin:/usr/bin".utf8)
    return path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map { directory in
      directory.isEmpty ? name : directory + [slash] + name
    }
  }
}
