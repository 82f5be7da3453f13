/// What a running jail says of itself: the answer of its supervisor to `claude-sandbox ps` and `reload`.
public struct JailStatus: Codable, Sendable, Equatable {
  /// The supervisor's process number, as it counts itself: another one than the kernel's where it is in another PID namespace.
  public let supervisor: Int32
  /// The launcher's, which is the jail's name.
  public let launcher: Int32
  /// The command and its arguments.
  public let command: [String]
  /// The directory in which it was started; nil where that is not known.
  public let directory: String?
  /// `internet`, `restricted`, `none`, or `cut` for a jail that could not keep its network.
  public var network: String
  /// The project's file that the launch has read; nil if there was none.
  public let project: String?
  /// How many names have been used, and how many connections to them are open; nil in a jail without names of its own.
  public var names: Int?
  public var connections: Int?
  /// When it was started, in seconds since 1970.
  public let since: Int
  /// What it is called in addresses of previews: a label of letters, digits and hyphens, of its directory's name. Others may have it too.
  public let name: String
  /// The ports that lead into the jail, or out of it.
  public var ports: [Port] = []
  /// The TCP ports on which something in the jail listens, where that is asked for.
  public var listening: [Int]?
  /// How many packets were refused.
  public var refused: Int
  /// Why nothing is recorded; nil when all is well.
  public var recordProblem: String?
  /// Why the configuration, as it is now, is not followed; nil when it is.
  public var configurationProblem: String?
  /// The keys that have changed and wait for a new launch.
  public var waitingKeys: [String]
  /// Whether changes of the configuration are noticed; nil where they are not looked for.
  public var isWatched: Bool?

  /// A port that leads into the jail (`publish`), or out of it (`allow-host-port`).
  public struct Port: Codable, Sendable, Hashable {
    /// The key of the configuration: `publish` or `allow-host-port`.
    public let key: String
    /// `tcp` or `udp`.
    public let `protocol`: String
    /// The host's.
    public let outside: Int
    /// The jail's.
    public let inside: Int
    /// publish: the host's addresses that it listens at.
    public let addresses: [String]
    /// The line of the configuration, `--publish`, `auto`, or `claude-sandbox publish`.
    public let origin: String
    /// Why nothing listens; nil when all is well.
    public let problem: String?

    /// A port of a running jail.
    public init(
      key: String, protocol: String, outside: Int, inside: Int, addresses: [String], origin: String,
      problem: String?
    ) {
      self.key = key
      self.protocol = `protocol`
      self.outside = outside
      self.inside = inside
      self.addresses = addresses
      self.origin = origin
      self.problem = problem
    }
  }

  /// Texts are cut, so that all of it is one message.
  public init(
    supervisor: Int32, launcher: Int32, command: [[UInt8]], directory: String?, network: String,
    project: String? = nil, names: Int? = nil, connections: Int? = nil, since: Int, name: String = "jail",
    refused: Int = 0, recordProblem: String? = nil, configurationProblem: String? = nil,
    waitingKeys: [String] = [], isWatched: Bool? = nil
  ) {
    self.supervisor = supervisor
    self.launcher = launcher
    self.command = Self.cut(command)
    self.directory = directory.map { Self.cut($0, to: Self.longestText) }
    self.network = network
    self.project = project.map { Self.cut($0, to: Self.longestText) }
    self.names = names
    self.connections = connections
    self.since = since
    self.name = name
    self.refused = refused
    self.recordProblem = recordProblem.map { Self.cut($0, to: Self.longestProblem) }
    self.configurationProblem = configurationProblem.map { Self.cut($0, to: Self.longestProblem) }
    self.waitingKeys = waitingKeys
    self.isWatched = isWatched
  }

  /// What a jail in a directory is called: the last name on its path as a label of a host name (RFC 1123), `jail` if nothing is left of it.
  public static func name(of directory: String) -> String {
    let last = directory.split(separator: "/").last ?? ""
    let words = last.lowercased().utf8.split { !($0 >= 0x61 && $0 <= 0x7a || $0 >= 0x30 && $0 <= 0x39) }
    var label = words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-").prefix(40)
    if label.last == "-" { label.removeLast() }
    // A number alone would be a process's.
    let isNumber = label.allSatisfy(\.isNumber)
    return label.isEmpty ? "jail" : isNumber ? "jail-\(label)" : String(label)
  }

  /// The network of a jail that could not keep it.
  public static let cut = "cut"

  /// No more of them are told.
  public static let mostListening = 1000

  /// Bytes of the longest encoded status: escaped, a byte becomes six.
  public static let longest = 147_456
  private static let longestText = 4000
  private static let longestProblem = 1000

  /// Whether the numbers are such that a jail can have them: what comes from another user may be anything.
  public var isPlausible: Bool {
    supervisor > 0 && launcher > 0 && refused >= 0 && (names ?? 0) >= 0 && (connections ?? 0) >= 0
      && (0...1 << 40).contains(since) && ports.allSatisfy { Self.arePorts([$0.inside, $0.outside]) }
      && Self.arePorts(listening ?? [])
  }

  private static func arePorts(_ numbers: [Int]) -> Bool { numbers.allSatisfy((0...65_535).contains) }

  /// As JSON. Not by a JSONEncoder, which would cost the supervisor 1.2 MB more.
  public var json: [UInt8] {
    func list(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
    let value = JSONValue.object([
      ("supervisor", .number(Int(supervisor))), ("launcher", .number(Int(launcher))),
      ("command", list(command)),
      ("directory", directory.map(JSONValue.string)), ("network", .string(network)),
      ("project", project.map(JSONValue.string)), ("names", names.map(JSONValue.number)),
      ("connections", connections.map(JSONValue.number)),
      ("since", .number(since)), ("name", .string(name)), ("ports", .array(ports.map(\.json))),
      ("listening", listening.map { .array($0.map(JSONValue.number)) }),
      ("refused", .number(refused)), ("recordProblem", recordProblem.map(JSONValue.string)),
      ("configurationProblem", configurationProblem.map(JSONValue.string)),
      ("waitingKeys", list(waitingKeys)),
      ("isWatched", isWatched.map(JSONValue.boolean)),
    ])
    return Array(value.text.utf8)
  }

  /// As many arguments as fit, the last one cut.
  private static func cut(_ arguments: [[UInt8]]) -> [String] {
    var texts: [String] = []
    var room = longestText
    for argument in arguments {
      if room <= 0 { return texts + ["…"] }
      let text = cut(String(decoding: argument.prefix(room + 1), as: UTF8.self), to: room)
      texts.append(text)
      room -= text.utf8.count + 1
    }
    return texts
  }

  private static func cut(_ text: String, to limit: Int) -> String {
    if text.utf8.count <= limit { return text }
    var result = ""
    var room = limit
    for scalar in text.unicodeScalars {
      room -= UTF8.width(scalar)
      if room < 0 { break }
      result.unicodeScalars.append(scalar)
    }
    return result + "…"
  }
}

extension JailStatus.Port {
  fileprivate var json: JSONValue {
    .object([
      ("key", .string(key)), ("protocol", .string(`protocol`)), ("outside", .number(outside)),
      ("inside", .number(inside)), ("addresses", .array(addresses.map(JSONValue.string))),
      ("origin", .string(origin)), ("problem", problem.map(JSONValue.string)),
    ])
  }
}
