import Linux
import Record

/// The system's journal, where there is one: a datagram of fields for each line (systemd's "native journal protocol"). What it does
/// not take at once is dropped.
final class Journal {
  private let socket: LocalDatagramSocket

  static let path = "/run/systemd/journal/socket"

  /// Nil where there is none.
  init?() {
    guard (try? FileStatus.of(Self.path))?.kind == .socket,
      let socket = try? LocalDatagramSocket(sendingTo: Self.path)
    else { return nil }
    self.socket = socket
  }

  /// Sends a line, once as a sentence and once in parts that journalctl(1) can look for.
  func send(_ line: RecordLine) {
    var line = line
    // Others may read the journal, and arguments may be secret.
    line.command = line.command.map { Array($0.prefix(1)) }
    var fields = [
      ("MESSAGE", line.sentence), ("PRIORITY", line.event == .refused ? "5" : "6"),
      ("SYSLOG_IDENTIFIER", "claude-sandbox"), ("CLAUDE_SANDBOX_EVENT", line.event.rawValue),
      ("CLAUDE_SANDBOX_JAIL", "\(line.jail)"),
    ]
    if let attempt = Attempt(line) { fields.append(("CLAUDE_SANDBOX_DESTINATION", "\(attempt)")) }
    if let name = line.process?.name { fields.append(("CLAUDE_SANDBOX_PROGRAM", name.visible())) }
    if let name = line.name { fields.append(("CLAUDE_SANDBOX_NAME", name.visible())) }
    // No value has a line end in it, so each is a line.
    let text = fields.map { "\($0)=\($1)\n" }.joined()
    try? socket.send(Array(text.utf8))
  }
}
