import Jail
import Linux

/// What `claude` is in the user's interactive shell, where aliases and functions come before PATH.
enum InteractiveShell {
  private static let name = "claude in your shell"
  private static let marker = "claude-sandbox-asks"
  /// A shell's configuration may wait for something.
  private static let patience = Duration.seconds(10)

  /// nil where this program is not installed as `claude`, or the shell is one that cannot be asked.
  static func check() -> Prerequisite? {
    guard let program = try? FileStatus.target(ofLink: "/proc/self/exe"),
      let shell = Environment.own["SHELL"], shell.hasPrefix("/")
    else { return nil }
    let shim = directory(of: program) + "/" + Shim.name
    guard Shim.isThisProgram(shim), let file = file(of: shell), let answer = ask(shell) else { return nil }
    let found = meaning(of: answer, home: Environment.own["HOME"] ?? "")
    switch found {
    case .ours: return .ok(name, "\(shim), in \(shell)")
    case .nothing:
      return .limited(name, "\(shell) does not find it", fix: "echo 'alias claude=\(shim)' >>\(file)")
    case .other(let what):
      return .limited(
        name, "in \(shell) it is \(what), which runs without a jail",
        fix: "echo 'alias claude=\(shim)' >>\(file)   # its end decides; then start a new shell")
    }
  }

  enum Meaning: Equatable {
    case ours, nothing
    case other(String)
  }

  /// The first of what `type -a claude` names that decides. An alias for `claude OPTIONS` leads on to the next.
  static func meaning(
    of lines: [String], home: String, isOurs: (String) -> Bool = Shim.isThisProgram
  ) -> Meaning {
    let starts = lines.indices.filter { lines[$0].hasPrefix("claude is ") }
    for (number, start) in starts.enumerated() {
      let what = String(lines[start].dropFirst("claude is ".count))
      if what.hasPrefix("/") { return isOurs(what) ? .ours : .other(what) }
      if let alias = alias(what) {
        let word = alias.split(separator: " ").first.map(String.init) ?? ""
        if word == Shim.name { continue }
        return isOurs(word.hasPrefix("~/") ? home + word.dropFirst() : word)
          ? .ours : .other("an alias for \(alias)")
      }
      // A function. zsh tells its file, the others its text.
      let end = number + 1 < starts.count ? starts[number + 1] : lines.endIndex
      let words = lines[start..<end].flatMap { $0.split(separator: " ").map(String.init) }
      if words.contains(where: { $0.hasPrefix("/") && (isOurs($0) || $0.hasSuffix("/claude-sandbox.sh")) }) {
        return .ours
      }
      // `command claude`, as fish makes of an alias.
      if !zip(words, words.dropFirst()).contains(where: { $0 == "command" && $1 == Shim.name }) {
        return .other("a function")
      }
    }
    return .nothing
  }

  /// bash: aliased to `X'. zsh: an alias for X. fish's aliases are functions.
  private static func alias(_ what: String) -> String? {
    if what.hasPrefix("aliased to `") { return String(what.dropFirst("aliased to `".count).dropLast()) }
    return what.hasPrefix("an alias for ") ? String(what.dropFirst("an alias for ".count)) : nil
  }

  private static func directory(of path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
  }

  /// What an interactive shell reads last, of those that can be asked.
  private static func file(of shell: String) -> String? {
    switch shell.split(separator: "/").last {
    case "bash": "~/.bashrc"
    case "zsh": "~/.zshrc"
    case "fish": "~/.config/fish/config.fish"
    default: nil
    }
  }

  /// The shell's lines behind the marker; without a terminal, in a session of its own, and not for ever.
  private static func ask(_ shell: String) -> [String]? {
    guard let output = try? Pipe(), let child = try? Process.fork() else { return nil }
    let words = [shell, "-ic", "echo \(marker); type -a \(Shim.name)"].map { Array($0.utf8) }
    if child == 0 {
      try? Process.newSession()
      try? Process.leaveStandardStreams()
      try? output.writer.place(at: 1)
      try? FileDescriptor.open("/dev/null", FileDescriptor.readWrite).place(at: 2)
      try? Process.execute(words[0], arguments: words, environment: Process.environment)
      Process.exit(127)
    }
    let reader = output.keepReader()
    let deadline = Instant.now + patience
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count < 1 << 20,
      (try? wait([Interest.readable(reader.rawValue, ())], until: deadline))?.ready.isEmpty == false,
      let count = try? reader.read(into: &buffer), count > 0
    {
      bytes += buffer[..<count]
    }
    try? Process.kill(-child, 9)
    _ = try? Process.wait(child)
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    return lines.firstIndex(of: marker).map { Array(lines[($0 + 1)...]) }
  }
}
