import Policy
import Record

/// What a running jail has of the administrator's files.
struct LiveConfiguration: Sendable {
  /// What holds for the jail: of the keys that only a launch takes, the launch's values.
  private(set) var current: Configuration
  /// Why the jail does not have what the files say; nil if it does.
  private(set) var problem: String?
  /// The keys whose values in the files are others than the jail's: it does not take them over.
  private(set) var waiting: [String] = []

  /// What a launch has begun with.
  init(_ configuration: Configuration) { current = configuration }

  /// The jail has become what the files say.
  mutating func accept(_ change: ConfigurationChange) -> [Effect] {
    let isNew = change.waiting != waiting
    problem = nil
    waiting = change.waiting
    current = change.configuration
    return (change.summary.map { [.configuration(.applied($0))] } ?? [])
      + (isNew && !change.waiting.isEmpty ? [.configuration(.waiting(change.waiting))] : [])
  }

  /// The jail keeps what it has.
  mutating func reject(_ failure: LaunchFailure) -> [Effect] {
    let text = Self.shortened(failure.line)
    problem = text
    return [.configuration(.rejected(text))]
  }

  /// What is kept of a complaint: a file may be wrong in every line. Bytes.
  private static let most = 1000

  private static func shortened(_ text: String) -> String {
    text.utf8.count <= most ? text : String(decoding: text.utf8.prefix(most), as: UTF8.self) + "…"
  }
}
