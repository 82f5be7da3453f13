import Linux
public import Policy

/// The presets: files of names that services and tools need. One of the administrator's goes before one of the same name that was
/// installed with this program.
public enum PresetFiles {
  /// The administrator's.
  public static let directory = "/etc/claude-sandbox.presets.d"

  /// Those of the installation: beside the directory that the program is in, as install.sh places them.
  static let installed = installed(by: (try? FileStatus.target(ofLink: "/proc/self/exe")) ?? "")

  /// The same for a program at this path.
  static func installed(by program: String) -> String {
    "\(program.parentDirectory.parentDirectory)/share/claude-sandbox/presets"
  }

  static let directories = [directory, installed]

  /// A preset, and what is in it.
  public struct Preset: Sendable {
    public let name: String
    /// Its file.
    public let path: String
    public let rules: [DomainRule]
  }

  /// All that there are, by name.
  public static func all() throws(LaunchFailure) -> [Preset] {
    var presets: [Preset] = []
    for name in try names() {
      guard let text = try text(name) else { continue }
      presets.append(Preset(name: name, path: text.path, rules: try rules(text, of: Sourced(name))))
    }
    return presets
  }

  /// The names of all that there are.
  static func names() throws(LaunchFailure) -> [String] {
    var names: Set<String> = []
    for directory in directories {
      names.formUnion(try TrustedText.names(in: directory).map { String($0.dropLast(5)) })
    }
    return names.sorted()
  }

  fileprivate static func text(_ name: String, _ visit: (String) -> Void = { _ in }) throws(LaunchFailure)
    -> TrustedText?
  {
    for directory in directories {
      if let text = try TrustedText("\(directory)/\(name).conf", visit) { return text }
    }
    return nil
  }

  fileprivate static func rules(_ text: TrustedText, of name: Sourced<String>) throws(LaunchFailure)
    -> [DomainRule]
  {
    try parsing { () throws(ConfigurationError) in
      try ConfigurationParser.parse(preset: name, file: text.path, text.bytes)
    }
  }
}

extension Configuration {
  /// Adds the rules of the presets that these files use.
  mutating func expandPresets(
    of files: [TrustedText], _ visit: (String) -> Void = { _ in }, read: (TrustedText) -> Void = { _ in }
  ) throws(LaunchFailure) {
    var problems: [Diagnostic] = []
    let paths = Set(files.map(\.path))
    for preset in presets where preset.location.map({ paths.contains($0.file) }) ?? false {
      guard let text = try PresetFiles.text(preset.value, visit) else {
        let names = try PresetFiles.names()
        problems.append(
          Diagnostic(unknownPreset: preset, among: names, in: files.map { ($0.path, $0.bytes) }))
        continue
      }
      read(text)
      do throws(LaunchFailure) {
        domains += try PresetFiles.rules(text, of: preset)
      } catch {
        guard case .configuration(let found) = error else { throw error }
        problems += found
      }
    }
    if !problems.isEmpty { throw .configuration(problems) }
  }
}
