import Linux
public import Policy

/// Reads `/etc/claude-sandbox.conf`, then `/etc/claude-sandbox.conf.d/*.conf` in name order, as a shell expands it:
/// hidden files, such as an editor's lock, are not among them. From nowhere else: the workspace is the attacker's.
public enum ConfigurationFiles {
  public static let main = "/etc/claude-sandbox.conf"
  public static let directory = "/etc/claude-sandbox.conf.d"

  /// The configuration, or all errors of all files. A missing file means the defaults.
  public static func read() throws(LaunchFailure) -> Configuration { try texts().parsed() }

  /// The files, as they are.
  struct Texts {
    fileprivate var files: [(name: String, text: [UInt8])] = []

    /// Differs, in this process and its children, when a file does.
    var digest: Int {
      var hasher = Hasher()
      for file in files {
        hasher.combine(file.name)
        hasher.combine(file.text)
      }
      return hasher.finalize()
    }

    /// The configuration, or all errors of all files.
    func parsed() throws(LaunchFailure) -> Configuration {
      do throws(ConfigurationError) {
        return try ConfigurationParser.parse(files)
      } catch {
        throw .configuration(error.diagnostics)
      }
    }
  }

  /// Reads the files. `visit` gets everything on the way to them, as `TrustedFile` does it.
  static func texts(visit: (String) -> Void = { _ in }) throws(LaunchFailure) -> Texts {
    var texts = Texts()
    for path in [main] + (try dropIns(visit)) {
      if let text = try contents(path, visit) { texts.files.append((path, text)) }
    }
    return texts
  }

  private static func dropIns(_ visit: (String) -> Void) throws(LaunchFailure) -> [String] {
    guard let directory = try trusted(Self.directory, visit) else { return [] }
    do throws(SystemCallError) {
      return try FileStatus.names(in: directory).filter { $0.hasSuffix(".conf") && !$0.hasPrefix(".") }
        .sorted().map { "\(Self.directory)/\($0)" }
    } catch {
      throw .untrustedConfiguration(.init(Self.directory, errno: error.errno, mode: "755"))
    }
  }

  private static func contents(_ path: String, _ visit: (String) -> Void) throws(LaunchFailure) -> [UInt8]? {
    guard let resolved = try trusted(path, visit) else { return nil }
    do throws(SystemCallError) {
      // Not blocking, so that a FIFO cannot hang the launch before it is refused.
      let file = try FileDescriptor.open(resolved, FileDescriptor.readOnlyNonBlocking)
      if try FileStatus.of(file).kind == .regular { return try file.readAll(limit: 4 << 20) }
    } catch {
      throw .untrustedConfiguration(.init(path, errno: error.errno, mode: "644"))
    }
    throw .untrustedConfiguration(
      .init(
        path: path, reason: "is not a regular file", fix: "replace \(path) with a regular file",
        isMissing: false))
  }

  private static func trusted(_ path: String, _ visit: (String) -> Void) throws(LaunchFailure) -> String? {
    do throws(TrustedFile.Distrust) {
      return try TrustedFile.resolve(path, visit: visit)
    } catch {
      if error.path != path {
        throw .untrustedConfiguration(
          .init(path: path, reason: "leads to \(error)", fix: error.fix, isMissing: false))
      }
      if error.isMissing { return nil }
      throw .untrustedConfiguration(error)
    }
  }
}
