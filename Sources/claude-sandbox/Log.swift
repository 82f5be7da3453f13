import ArgumentParser
import FoundationEssentials
import Jail
import Linux
import Record

struct Log: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what jails were refused, by whom and why, and what to write to allow it.",
    discussion: """
      A line for each refusal, oldest first; repetitions are counted. With PID, the launches of that launcher only. WHEN is a date, a moment \
      as in 2026-11-21T19:28:40Z, or how long ago: 30s, 10m, 2h, 3d. The times are UTC. In a jail the record is not there: ask outside.
      """)

  @Flag(name: .shortAndLong, help: "Go on showing what comes.")
  var follow = false

  @Flag(help: "Print the lines as they are, JSON objects.")
  var json = false

  @Option(help: ArgumentHelp("Only what came since then.", valueName: "when"))
  var since: String?

  @Flag(help: "Print how much was asked for and refused, in one line.")
  var summary = false

  @Argument(help: ArgumentHelp("A launcher's process number.", valueName: "pid"))
  var jail: Int32?

  func validate() throws {
    if summary && (follow || json) {
      throw ValidationError("--summary goes with neither --follow nor --json")
    }
    if since != nil, start == nil {
      throw ValidationError("--since takes a date, a moment as in 2026-11-21T19:28:40Z, or 30s, 10m, 2h, 3d")
    }
  }

  private var start: Timestamp? {
    since.flatMap { Timestamp(since: $0, now: Timestamp(milliseconds: wallClock())) }
  }

  func run() throws {
    if Confinement.isJail {
      Invocation.exitUnavailable(
        "the record is not visible in a jail: run claude-sandbox log outside", json: json)
    }
    let store: RecordStore
    do throws(RecordDirectory.Unavailable) {
      store = try RecordStore(.own)
    } catch {
      Invocation.exitUnavailable("there is no record: \(error.reason.visible())", json: json)
    }
    let records = Records(start: start, jail: jail)
    var reader = RecordReader()
    if summary { return Output.print(Summary(reader.next(store, records).map(\.line)).sentence) }
    let text = LogText(coloured: isColoured)
    let changes = follow ? try? DirectoryChanges(of: store.directory) : nil
    var isEmpty = true
    while true {
      let lines = reader.next(store, records).map { line, raw in json ? raw : text.text(line) }
      isEmpty = isEmpty && lines.isEmpty
      if !lines.isEmpty { Output.print(lines.joined(separator: "\n")) }
      guard follow else { break }
      waitForMore(changes)
    }
    if isEmpty { Process.complain("claude-sandbox: nothing is recorded of that\n") }
    if reader.unreadable > 0 {
      Process.complain("claude-sandbox: \(reader.unreadable) lines are no record of this version\n")
    }
  }

  /// Where inotify is used up, a second.
  private func waitForMore(_ changes: borrowing DirectoryChanges?) {
    switch changes {
    case .some(let changes):
      _ = try? wait([Interest.readable(changes.descriptor.rawValue, ())])
      changes.drain()
    case nil: _ = try? wait([Interest<Void>](), until: .now + .seconds(1))
    }
  }

  /// https://no-color.org: a variable of any value but the empty one.
  private var isColoured: Bool {
    Process.isTerminal(1) && (Environment.own["NO_COLOR"] ?? "").isEmpty && Environment.own["TERM"] != "dumb"
  }
}

/// Which lines are wanted.
struct Records {
  let start: Timestamp?
  let jail: Int32?

  func isWanted(_ line: RecordLine) -> Bool {
    if let jail, line.jail != jail { return false }
    guard let start else { return true }
    return Timestamp(line.time).map { $0 >= start } ?? false
  }
}

/// Reads what is there, and later what has come since.
struct RecordReader {
  private var ends: [RecordName: Int] = [:]
  /// Lines that are not of this format.
  private(set) var unreadable = 0

  /// Each line as what it says, and as it is: ASCII, or not one that this program wrote.
  mutating func next(_ store: borrowing RecordStore, _ wanted: Records) -> [(line: RecordLine, raw: String)] {
    let names = (try? store.names()) ?? []
    var found: [(line: RecordLine, raw: String)] = []
    for name in names {
      let (lines, end) = store.lines(of: name, from: ends[name] ?? 0)
      ends[name] = end
      for bytes in lines {
        guard let line = Self.line(bytes) else {
          unreadable += 1
          continue
        }
        if wanted.isWanted(line) { found.append((line, String(decoding: bytes, as: UTF8.self))) }
      }
    }
    // Each launch has files of its own.
    return found.enumerated().sorted { ($0.element.line.time, $0.offset) < ($1.element.line.time, $1.offset) }
      .map(\.element)
  }

  private static func line(_ bytes: ArraySlice<UInt8>) -> RecordLine? {
    guard bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return nil }
    let line = try? JSONDecoder().decode(RecordLine.self, from: Data(bytes))
    return line?.version == RecordLine.currentVersion ? line : nil
  }
}
