import FoundationEssentials
import Jail
import Linux
import Policy
import Record

/// Running jails for people. What they say of themselves may be another user's, and is shown escaped.
struct JailTable {
  let text: String

  init(_ jails: [RunningJail], showsUsers: Bool) {
    let now = wallClock() / 1000
    let heads =
      ["PID"] + (showsUsers ? ["UID"] : []) + [
        "NETWORK", "FOR", "REFUSED", "MEMORY", "DIRECTORY", "COMMAND",
      ]
    let rows = jails.map { jail in
      [jail.label] + (showsUsers ? ["\(jail.user)"] : []) + Self.cells(jail, now)
    }
    let lines = Table.text([heads] + rows).split(separator: "\n")
    let notes = [[]] + jails.map(Self.notes)
    text = zip(lines, notes).flatMap { [String($0)] + $1.map { "  " + $0 } }.joined(separator: "\n")
  }

  private static func cells(_ jail: RunningJail, _ now: Int) -> [String] {
    let memory = jail.memory.map { "\(($0 + 1023) / 1024) MB" } ?? "-"
    guard let status = jail.status else { return ["-", "-", "-", memory, "-", "(does not answer)"] }
    return [
      status.network.visible(limit: 10), Elapsed(seconds: now - status.since).description,
      "\(status.refused)", memory,
      (status.directory ?? "-").visible(limit: 40), status.command.joined(separator: " ").visible(limit: 60),
    ]
  }

  private static func notes(_ jail: RunningJail) -> [String] {
    guard let status = jail.status else { return [] }
    return status.nameNotes + status.ports.map(\.note) + status.configurationNotes
      + [status.recordProblem.map { "record: \($0.visible(limit: 1000))" }].compactMap { $0 }
  }
}

extension JailList {
  /// Says that it may not be complete, if so.
  func complain() {
    if unasked == 0 { return }
    Process.complain(
      "claude-sandbox: jails may be missing: there are too many sockets with a jail's name, or they are too busy (\(unasked))\n"
    )
  }
}

extension RunningJail {
  /// The launcher's number, if it has one here.
  var label: String { launcher.map { "\($0)" } ?? "-" }
}

extension JailStatus {
  /// What a supervisor says of its jail, or somebody in its place; nil for what is no status.
  static func decoded(_ message: [UInt8]) -> JailStatus? {
    try? JSONDecoder().decode(JailStatus.self, from: Data(message))
  }

  /// What the jail's own project takes off the configuration, and how it uses names.
  var nameNotes: [String] {
    [
      project.map { "with the project's file \($0.visible(limit: 1000))" },
      names.map { names in
        "\(names) name\(names == 1 ? "" : "s") used, \(connections ?? 0) connection\(connections == 1 ? "" : "s") to names open"
      },
    ].compactMap { $0 }
  }

  /// Why, and in what, the jail does not follow the configuration.
  var configurationNotes: [String] {
    [
      configurationProblem.map { "goes on as it was: \($0.visible(limit: 1000))" },
      waiting(.rules).map { "opens nothing by itself: only 'claude-sandbox reload' follows \($0)" },
      waiting(.launch).map { "only a new launch follows \($0)" },
      isWatched == false
        ? "cannot watch the configuration, and looks every ten seconds: 'claude-sandbox reload' does at once"
        : nil,
    ].compactMap { $0 }
  }

  /// What a key waits for.
  enum Waiting {
    /// Somebody's word: the command could have written the file.
    case rules
    case launch
  }

  /// The keys that wait for it; nil if none does.
  func waiting(_ what: Waiting) -> String? {
    let keys = waitingKeys.filter { name in
      let isLive = ConfigurationKey.all.contains { $0.name == name && $0.change == .live }
      return isLive == (what == .rules)
    }
    return keys.isEmpty
      ? nil : keys.map { $0.visible(limit: 40) }.joined(separator: ", ").visible(limit: 400)
  }
}
