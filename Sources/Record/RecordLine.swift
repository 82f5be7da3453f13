/// A line of the record: one JSON object. This is the definition of the format; what an event has no use for is nil, and left out.
public struct RecordLine: Decodable, Hashable, Sendable {
  /// What happened.
  public enum Event: String, Decodable, Sendable, CaseIterable {
    /// The command is about to run.
    case started
    /// Packets to a destination were refused.
    case refused
    /// A name was refused: a question, a connection, or what was spoken over one.
    case nameRefused = "name-refused"
    /// Names were looked up.
    case names
    /// The configuration has changed, and is followed or not.
    case configuration
    /// A port that leads into the jail or out of it was opened or closed; or could not be, or nobody was behind it.
    case port
    /// The jail could not keep its network, or was not to.
    case cut
    /// So many lines were not written, because there were too many, or the disk did not take them.
    case suppressed
    /// Somebody else has written to the file, or changed it.
    case touched
    /// The command has ended.
    case ended
  }

  /// Who sent what was refused, as far as it is known.
  public enum Sender: Hashable, Sendable {
    case process(Program, parents: [Program])
    case gone
    case unknown
  }

  /// A process by number and name.
  public struct Program: Decodable, Hashable, Sendable {
    public let pid: Int32
    public let name: String

    /// A process and its name.
    public init(pid: Int32, name: String) {
      self.pid = pid
      self.name = name
    }
  }

  /// Why it was refused.
  public struct Rule: Decodable, Hashable, Sendable {
    /// The prefix that the rule is about, or the name.
    public let prefix: String
    /// The reason, for people.
    public let because: String
    /// The kind of reason: see `Origin.Kind`.
    public let kind: String
    /// The place in the configuration, where it is one.
    public let file: String?
    public let line: Int?
  }

  /// A name that was looked up, and how often.
  public struct Asked: Decodable, Hashable, Sendable {
    public let name: String
    public let count: Int

    /// A name and its queries.
    public init(name: String, count: Int) {
      self.name = name
      self.count = count
    }
  }

  /// Of this format.
  public var version = RecordLine.currentVersion
  /// RFC 3339, UTC.
  public var time: String
  /// The launcher's process number.
  public var jail: Int32
  public var event: Event
  /// started: the command, perhaps cut short; where; and the mode of the network.
  public var command: [String]?
  public var directory: String?
  public var network: String?
  /// refused.
  public var process: Sender?
  public var destination: String?
  public var port: UInt16?
  public var `protocol`: String?
  /// The name that this jail was given the destination as an address of; name-refused: the name.
  public var name: String?
  /// name-refused: why, and the name that was spoken in its place.
  public var reason: NamedRefusal.Reason?
  public var spoken: String?
  public var rule: Rule?
  /// refused, name-refused: attempts; suppressed: lines.
  public var count: Int?
  /// names.
  public var names: [Asked]?
  /// Queries for names that were too many to be told one by one.
  public var others: Int?
  /// configuration: whether it is followed, and why not. port: whether all is well, and what has changed.
  public var accepted: Bool?
  public var message: String?
  /// ended: the exit status, or the signal; neither where launcher or supervisor failed.
  public var status: Int32?
  public var signal: Int32?
  /// ended: all attempts that were refused, and all queries.
  public var refused: Int?
  public var asked: Int?

  /// The version that is written.
  public static let currentVersion = 1

  /// A line about an event; the rest is set where it belongs to it.
  public init(_ event: Event, time: Timestamp, jail: Int32) {
    self.event = event
    self.time = "\(time)"
    self.jail = jail
  }
}

extension RecordLine {
  /// The line as it is written, without its end.
  public var text: String {
    JSONValue.object([
      ("version", .number(version)), ("time", .string(time)), ("jail", .number(Int(jail))),
      ("event", .string(event.rawValue)), ("command", command.map { .array($0.map(JSONValue.string)) }),
      ("directory", directory.map(JSONValue.string)), ("network", network.map(JSONValue.string)),
      ("process", process?.json), ("destination", destination.map(JSONValue.string)),
      ("port", port.map { .number(Int($0)) }), ("protocol", `protocol`.map(JSONValue.string)),
      ("name", name.map(JSONValue.string)), ("reason", reason.map { .string($0.rawValue) }),
      ("spoken", spoken.map(JSONValue.string)), ("rule", rule?.json), ("count", count.map(JSONValue.number)),
      ("names", names.map { .array($0.map(\.json)) }), ("others", others.map(JSONValue.number)),
      ("accepted", accepted.map(JSONValue.boolean)), ("message", message.map(JSONValue.string)),
      ("status", status.map { .number(Int($0)) }), ("signal", signal.map { .number(Int($0)) }),
      ("refused", refused.map(JSONValue.number)), ("asked", asked.map(JSONValue.number)),
    ]).text
  }
}

extension RecordLine.Asked {
  fileprivate var json: JSONValue { .object([("name", .string(name)), ("count", .number(count))]) }
}

extension RecordLine.Rule {
  fileprivate var json: JSONValue {
    .object([
      ("prefix", .string(prefix)), ("because", .string(because)), ("kind", .string(kind)),
      ("file", file.map(JSONValue.string)), ("line", line.map(JSONValue.number)),
    ])
  }
}

extension RecordLine.Program {
  fileprivate var members: [(key: String, value: JSONValue?)] {
    [("pid", .number(Int(pid))), ("name", .string(name))]
  }
}

extension RecordLine.Sender: Decodable {
  private enum Key: String, CodingKey { case pid, name, parents }

  /// A process is an object; "gone" and "unknown" are words.
  public init(from decoder: any Decoder) throws {
    if let word = try? decoder.singleValueContainer().decode(String.self) {
      self = word == "gone" ? .gone : .unknown
      return
    }
    let container = try decoder.container(keyedBy: Key.self)
    self = .process(
      try RecordLine.Program(from: decoder),
      parents: try container.decodeIfPresent([RecordLine.Program].self, forKey: .parents) ?? [])
  }

  fileprivate var json: JSONValue {
    switch self {
    case .process(let program, let parents):
      .object(
        program.members + [
          ("parents", parents.isEmpty ? nil : .array(parents.map { .object($0.members) }))
        ])
    case .gone: .string("gone")
    case .unknown: .string("unknown")
    }
  }
}
