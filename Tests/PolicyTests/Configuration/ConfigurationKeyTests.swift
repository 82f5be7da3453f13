import FoundationEssentials
import Testing

@testable import Policy

/// The rows: that each is whole, and that what is made from them is up to date. `CLAUDE_SANDBOX_TESTS_WRITE=1` writes it.
struct ConfigurationKeyTests {
  private static let keys = ConfigurationKey.all
  private static let effective = keys.filter { !$0.isForeign }
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")

  private static let rules = [
    "allow-ip", "allow-net", "block-ip", "block-net", "allow-domain", "allow-internal-domain", "block-domain",
    "allow-host-port", "publish",
  ]

  @Test func namesAreDistinct() {
    #expect(Set(Self.keys.map(\.name)).count == Self.keys.count)
    #expect(ConfigurationKey.misnomers.keys.allSatisfy { ConfigurationKey.named($0) == nil })
  }

  @Test(arguments: effective.map(\.name))
  func rowsAreWhole(name: String) throws {
    let key = try #require(ConfigurationKey.named(name))
    #expect(!key.synopsis.isEmpty && !key.manual.isEmpty)
    if case .atLaunch(let reason) = key.change { #expect(!reason.isEmpty) }
    let entry = try #require(key.entries(configuration("\(name) = \(key.example)")).last)
    #expect(entry.value == key.example)
    #expect(entry.location?.description == "test.conf:1:1")
    for word in key.words { #expect(throws: Never.self) { try configuration("\(name) = \(word)") } }
  }

  @Test func typesAreToldApart() {
    #expect(Self.keys.filter(\.isBoolean).map(\.name) == ["egress-jail", "allow-override"])
    #expect(Self.keys.filter(\.isRule).map(\.name) == Self.rules)
  }

  // What is printed can be read again, and says the same.
  @Test(arguments: [
    "egress-jail = no", "network = none", "ipv6 = off", "allow-override = false",
    "claude-binary = /opt/claude",
    "allow-ip = 10.0.0.1", "allow-ip = [fd00::3]:443/tcp", "allow-net = [fd00::/64]:53,80/udp",
    "block-net = 10.0.0.0/8:1-3", "block-ip = fd00::3", "expose-socket = /run/a\nexpose-socket = /run/b",
    "allow-ip = 10.0.0.1\nblock-ip = 8.8.8.8\nallow-net = 10.2.0.0/16", "pass-env = A", "",
    "allow-domain = github.com", "allow-domain = =a.example:*", "allow-domain = *.a.example:22,443,8000-8999",
    "block-domain = *.a.example\nblock-domain = =b.example", "allow-internal-domain = gitlab.corp:22",
    "preset = claude\npreset = github", "network = restricted", "trust-project = /srv/team",
    "allow-host-port = 5432", "allow-host-port = 5432:15432/udp", "allow-host-port = 8000-8009",
    "allow-host-port = 8000-8009:9000-9009/udp", "publish = 5173/udp\npublish = auto", "publish = 0:5173",
    "publish = 127.0.0.1:8080:8080", "publish = [::1]:0:5173/udp",
  ])
  func printedEntriesAreRead(text: String) throws {
    let first = try Self.printed(configuration(text))
    #expect(try Self.printed(configuration(first.joined(separator: "\n"))) == first)
    // Booleans are printed with one word of several.
    for line in text.split(separator: "\n") where !line.hasSuffix("no") && !line.hasSuffix("false") {
      #expect(first.contains(String(line)))
    }
  }

  @Test func theManualPageListsTheRows() throws {
    try check("etc/man/claude-sandbox.conf.5", comment: ".\\\"", made: Self.manual)
  }

  @Test func theFuzzersDictionaryListsTheRows() throws {
    let words = Self.keys.map(\.name) + Set(Self.keys.flatMap(\.words)).filter { $0.count > 1 }.sorted()
    try check(
      "Tests/Fuzz/corpus/configuration.dict", comment: "#",
      made: words.map { "\"\($0)\"\n" }.joined())
  }

  @Test func theSampleFileShowsEveryDefault() throws {
    let sample = try Self.read("etc/claude-sandbox.conf").split(separator: "\n")
      .map { $0.filter { $0 != " " } }
    for key in Self.effective {
      let value = key.entries(Configuration()).first?.value
      #expect(sample.contains { $0.hasPrefix("#\(key.name)=\(value ?? "")") }, "\(key.name)")
    }
  }

  private static func printed(_ configuration: Configuration) -> [String] {
    keys.flatMap { key in key.entries(configuration).map { "\(key.name) = \($0.value)" } }
  }

  private static func read(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  // Compares what lies between two marks with what it is made from.
  private func check(_ path: String, comment: String, made: String) throws {
    let text = try Self.read(path)
    let begin = "\(comment) Begin of what is made from ConfigurationKey.all\n"
    let end = "\(comment) End of what is made from ConfigurationKey.all\n"
    let head = try #require(text.firstRange(of: begin)).upperBound
    let tail = try #require(text.firstRange(of: end)).lowerBound
    if ProcessInfo.processInfo.environment["CLAUDE_SANDBOX_TESTS_WRITE"] == "1" {
      try (text[..<head] + made + text[tail...]).write(
        to: Self.root.appending(path: path), atomically: false, encoding: .utf8)
    } else {
      #expect(text[head..<tail] == made, "\(path) is not up to date: run with CLAUDE_SANDBOX_TESTS_WRITE=1")
    }
  }

  private static var manual: String {
    let items = effective.map {
      ".It Ic \($0.name) No = \($0.synopsis)\n\($0.manual)\n\(change($0))"
    }.joined()
    return """
      .Bl -tag -width Ds
      \(items).El
      .Pp
      A
      .Ar boolean
      is
      .Cm 1 , yes , on , true
      or
      .Cm 0 , no , off , false .
      .Pp
      \(list(keys.filter(\.isForeign)))
      belong to a file-system sandbox that shares the file.
      They are accepted with any value or none, are listed by
      .Ql claude-sandbox config ,
      and have no effect.

      """
  }

  private static func change(_ key: ConfigurationKey) -> String {
    guard case .atLaunch(let reason) = key.change else { return "" }
    return "A change takes effect at the next launch: \(reason).\n"
  }

  private static func list(_ keys: [ConfigurationKey]) -> String {
    let names = keys.map { ".Ic \($0.name)" }
    return names.dropLast().joined(separator: " ,\n") + "\nand\n" + (names.last ?? "")
  }
}
