import Linux
public import Policy

/// Reads `/etc/claude-sandbox.conf`, then `/etc/claude-sandbox.conf.d/*.conf` in name order, as a shell expands it:
/// hidden files, such as an editor's lock, are not among them. From nowhere else: the workspace is the attacker's.
public enum ConfigurationFiles {
  public static let main = "/etc/claude-sandbox.conf"
  public static let directory = "/etc/claude-sandbox.conf.d"

  /// The configuration, or all errors of all files. A missing file means the defaults.
  public static func read() throws(LaunchFailure) -> Configuration { try texts().parsed() }

  /// The files, and those of the presets that they use.
  struct Texts {
    /// Differs, in this process and its children, when a file does.
    let digest: Int
    private let result: Result<Configuration, LaunchFailure>

    fileprivate init(_ files: [TrustedText], _ visit: (String) -> Void) throws(LaunchFailure) {
      var hasher = Hasher()
      func combine(_ text: TrustedText) {
        hasher.combine(text.path)
        hasher.combine(text.bytes)
      }
      files.forEach(combine)
      do throws(LaunchFailure) {
        var configuration = try parsing { () throws(ConfigurationError) in
          try ConfigurationParser.parse(files.map { ($0.path, $0.bytes) })
        }
        try configuration.expandPresets(of: files, visit, read: combine)
        result = .success(configuration)
      } catch {
        guard case .configuration = error else { throw error }
        result = .failure(error)
      }
      digest = hasher.finalize()
    }

    /// The configuration, or all errors of all files.
    func parsed() throws(LaunchFailure) -> Configuration { try result.get() }
  }

  /// Reads the files. `visit` gets everything on the way to them, as `TrustedFile` does it.
  static func texts(visit: (String) -> Void = { _ in }) throws(LaunchFailure) -> Texts {
    var files: [TrustedText] = []
    for path in [main] + (try dropIns(visit)) {
      if let text = try TrustedText(path, visit) { files.append(text) }
    }
    return try Texts(files, visit)
  }

  private static func dropIns(_ visit: (String) -> Void) throws(LaunchFailure) -> [String] {
    try TrustedText.names(in: Self.directory, visit).map { "\(Self.directory)/\($0)" }
  }
}

/// What a parser finds wrong is a refusal.
func parsing<Result>(_ parse: () throws(ConfigurationError) -> Result) throws(LaunchFailure) -> Result {
  do throws(ConfigurationError) {
    return try parse()
  } catch {
    throw .configuration(error.diagnostics)
  }
}
