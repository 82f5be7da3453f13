import Jail
import Linux

/// The process in a jail that makes the attacks, as whoever launches it sees it: what it is, and what it leaves.
public enum Attacker {
  /// How long what is left may take to end.
  private static let patience = Duration.milliseconds(500)

  /// What a command answered, how it ended, and what was seen of it from outside.
  public struct Report {
    public let answer: [UInt8]
    public let status: CInt?
    public let checks: [Check]
  }

  /// Launches a command, looks at it once it answers, lets it end, and looks for what it left.
  public static func launch(_ words: [[UInt8]], environment: [[UInt8]]) throws -> Report {
    // Whatever outlives the jail becomes a child of this process, which may have had some before.
    try Process.becomeSubreaper()
    let others = Set(Descendants.children())
    let input = try Pipe()
    let output = try Pipe()
    let child = try Process.fork()
    if child == 0 {
      try? input.reader.place(at: 0)
      try? output.writer.place(at: 1)
      try? Process.execute(words[0], arguments: words, environment: environment)
      Process.exit(125)
    }
    let answers = output.keepReader()
    let leave = input.keepWriter()
    // With the first bytes the command is there, sealed; it stays until it may leave.
    var first = [UInt8](repeating: 0, count: 1 << 14)
    first.removeLast(first.count - (try answers.read(into: &first)))
    let program = (try? FileStatus.of(String(decoding: words[0], as: UTF8.self)))?.identity
    // The first: what it has forked may be ending, and without namespaces already.
    let seen = look(at: descendants(of: child).first { isJailed($0) && file(of: $0) == program })
    _ = consume leave
    let rest = try answers.readAll(limit: 1 << 20)
    let status = try Process.wait(child)?.status.exitStatus
    return Report(answer: first + rest, status: status, checks: [seen, leftovers(but: others)])
  }

  /// Inside: gives the answer, leaves a process behind that nobody waits for, and stays until it may leave.
  public static func answer(_ text: String) throws {
    try FileDescriptor(owning: 1).write(text.utf8)
    let parent = try Process.fork()
    if parent == 0 {
      try? Process.newSession()
      try? Process.closeDescriptors(from: 0)
      // Long enough to be found, and no longer, should nobody end it.
      if (try? Process.fork()) == 0 {
        _ = try? wait([Interest<Never>](), until: .now + .seconds(3))
      }
      Process.exit(0)
    }
    // Or the jail might end before there is anything to leave behind.
    _ = try Process.wait(parent)
    _ = try FileDescriptor(owning: 0).readAll(limit: 1 << 20)
  }

  private static func descendants(of process: CInt) -> [CInt] {
    Descendants.children(of: process).flatMap { [$0] + descendants(of: $0) }
  }

  private static func isJailed(_ process: CInt) -> Bool {
    guard let theirs = try? FileStatus.target(ofLink: "/proc/\(process)/ns/net") else { return false }
    return theirs != (try? FileStatus.target(ofLink: "/proc/self/ns/net"))
  }

  private static func file(of process: CInt) -> [UInt64]? {
    (try? FileStatus.of("/proc/\(process)/exe"))?.identity
  }

  /// What the kernel says about the command, where the command cannot deceive the reader.
  static func look(at process: CInt?) -> Check {
    let expected = "no capability, no_new_privs, seccomp; user, net, mnt of its own"
    var wrong: [String] = []
    if let process, let status = try? ProcessStatus.read(process) {
      for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let value = status[set] ?? "nothing"
        if value.contains(where: { $0 != "0" }) { wrong.append("\(set) \(value)") }
      }
      for (field, value) in [("NoNewPrivs", "1"), ("Seccomp", "2")] where status[field] != value {
        wrong.append("\(field) \(status[field] ?? "nothing")")
      }
      for name in ["user", "net", "mnt"] {
        let theirs = try? FileStatus.target(ofLink: "/proc/\(process)/ns/\(name)")
        if theirs == nil || theirs == (try? FileStatus.target(ofLink: "/proc/self/ns/\(name)")) {
          wrong.append("\(name) of this process")
        }
      }
    } else {
      wrong.append("no process of it in a network namespace of its own")
    }
    return Check(
      "the attacker, from outside", tried: "look at its process in /proc", expected: expected,
      saw: wrong.isEmpty ? expected : wrong.joined(separator: ", "))
  }

  /// Whether everything but those has ended; ends what has not.
  static func leftovers(but others: Set<CInt>) -> Check {
    let deadline = Instant.now + patience
    var left: [CInt] = []
    repeat {
      left = Descendants.children().filter { !others.contains($0) }
      // What has ended already is only to be reaped.
      left = left.filter { ((try? Process.wait($0, options: Process.noHang)) ?? nil) == nil }
      guard let first = left.first, let end = try? Process.descriptor(of: first) else { break }
      _ = try? wait([.readable(end.rawValue, ())], until: deadline)
    } while Instant.now < deadline
    while let process = Descendants.children().first(where: { !others.contains($0) }),
      (try? Process.kill(process, Signals.kill)) != nil, (try? Process.wait(process)) != nil
    {}
    let saw = left.isEmpty ? "nothing" : "processes \(left.map { "\($0)" }.joined(separator: ", "))"
    return Check(
      "nothing is left", tried: "look for what the attacker left behind", expected: "nothing", saw: saw)
  }
}
