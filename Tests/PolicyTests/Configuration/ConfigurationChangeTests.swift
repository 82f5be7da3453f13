import Testing

@testable import Policy

/// What a running jail makes of new files.
struct ConfigurationChangeTests {
  private static let keys = ConfigurationKey.all.filter { !$0.isForeign && !$0.manual.isEmpty }

  private func change(_ before: String, _ after: String, mayWiden: Bool = true, means: ConfigurationChange.Means = .all) throws
    -> ConfigurationChange
  {
    try ConfigurationChange(
      from: configuration(before), to: configuration(after), mayWiden: mayWiden, means: means)
  }

  /// A row that says "live" is taken over, and one that says "at launch" waits, with the old value.
  @Test(arguments: keys.map(\.name))
  func rowsSayWhatHappens(name: String) throws {
    let key = try #require(ConfigurationKey.named(name))
    // Of `network` the example is the default.
    let line = name == "network" ? "network = none" : "\(name) = \(key.example)"
    let other = name == "network" ? "network = internet" : ""
    let (before, after) = name == "network" ? (line, other) : (other, line)
    let change = try change(before, after)
    let value = key.entries(change.configuration).map(\.value)
    let isDefault =
      try key.entries(configuration(before)).map(\.value) == key.entries(configuration(after)).map(\.value)
    switch key.change {
    case .live:
      #expect(try value == key.entries(configuration(after)).map(\.value))
      #expect(change.waiting.isEmpty)
    case .atLaunch:
      #expect(try value == key.entries(configuration(before)).map(\.value))
      #expect(change.waiting == (isDefault ? [] : [name]))
    }
  }

  @Test func noNetworkIsTakenOver() throws {
    let closed = try change("allow-ip = 10.0.0.1", "network = none")
    #expect(closed.configuration.network.value == .none)
    #expect(closed.configuration.network.location?.description == "test.conf:1:1")
    #expect(closed.waiting.isEmpty)
  }

  @Test func theCallersOptionIsNotWhatTheFilesSay() throws {
    var launched = try configuration("")
    launched.network = Sourced(.none)
    let change = try ConfigurationChange(
      from: launched, to: configuration("allow-ip = 10.0.0.1"), mayWiden: true)
    #expect(change.configuration.network.value == .none)
    #expect(change.waiting.isEmpty)
  }

  @Test func whatWaitsIsForgottenWhenItIsBack() throws {
    let first = try change("", "ipv6 = off\nexpose-socket = /run/a")
    #expect(first.waiting == ["expose-socket", "ipv6"])
    let second = try ConfigurationChange(
      from: first.configuration, to: configuration("# lines move\nipv6 = auto"), mayWiden: true)
    #expect(second.waiting.isEmpty && second.summary == nil)
  }

  @Test func rulesOfAFamilyThatTheJailHasNotWait() throws {
    #expect(try change("", "allow-ip = fd00::3", hasIPv6: false).waiting == ["ipv6"])
    #expect(try change("", "block-ip = 2606::3", hasIPv6: false).waiting.isEmpty)
    #expect(try change("", "allow-ip = fd00::3").waiting.isEmpty)
  }

  @Test(arguments: [
    ("", "allow-ip = 10.0.0.1", "rules: 1 added, 0 removed"),
    ("allow-ip = 10.0.0.1\nblock-ip = 8.8.8.8", "# moved\nallow-ip = 10.0.0.1", "rules: 0 added, 1 removed"),
    ("allow-ip = 10.0.0.1:443", "allow-ip = 10.0.0.1:80", "rules: 1 added, 1 removed"),
    ("allow-ip = 10.0.0.1", "\n\nallow-ip = 10.0.0.1\nallow-ip = 10.0.0.1", nil),
  ])
  func rulesAreCounted(before: String, after: String, summary: String?) throws {
    #expect(try change(before, after).summary == summary)
  }

  @Test(arguments: [
    ("", "allow-ip = 10.0.0.1", ["allow-ip"]),
    ("allow-ip = 10.0.0.1", "", []),
    ("", "block-ip = 8.8.8.8", []),
    ("block-ip = 8.8.8.8", "", ["block-ip"]),
    ("allow-ip = 10.0.0.1:443", "allow-ip = 10.0.0.1", ["allow-ip"]),
    ("allow-net = 10.0.0.0/8", "allow-net = 10.0.0.0/8\nblock-ip = 10.0.0.1", []),
  ])
  func whatWouldOpenWaits(before: String, after: String, waiting: [String]) throws {
    #expect(try change(before, after, mayWiden: false).waiting == waiting)
  }

  /// Whatever the rules are: what only closes opens nothing that was closed before, or is to be closed.
  @Test func narrowingOpensNothing() throws {
    var random = Random(seed: 42)
    for _ in 0..<300 {
      let lines = try (0..<8).map { _ in try Self.line(&random) }
      let (before, after) = (lines.prefix(5).joined(separator: "\n"), lines.suffix(5).joined(separator: "\n"))
      let narrowed = try change(before, after, mayWiden: false).configuration
      let plans = try [configuration(before), configuration(after), narrowed].map {
        try Plan.make(configuration: $0, facts: plainHost())
      }
      for _ in 0..<60 {
        let flow = try Self.flow(&random)
        let allowed = plans.map { $0.decide(flow).allowed }
        #expect(!allowed[2] || allowed[0] && allowed[1], "\(flow)\n\(before)\n->\n\(after)")
      }
    }
  }

  private static func line(_ random: inout Random) throws -> String {
    let length = [8, 16, 24, 32].randomElement(using: &random) ?? 32
    let prefix = Prefix(containing: try ip(address(&random)), length: length)
    let ports = ["", ":443", ":80/tcp", ":1-100/udp"].randomElement(using: &random) ?? ""
    return "\(Bool.random(using: &random) ? "allow" : "block")-net = \(prefix)\(ports)"
  }

  private static func flow(_ random: inout Random) throws -> Flow {
    Flow(
      destination: try ip(address(&random)), transport: Bool.random(using: &random) ? .tcp : .udp,
      port: [22, 80, 443].randomElement(using: &random) ?? 22)
  }

  /// Few of them, so that rules meet.
  private static func address(_ random: inout Random) -> String {
    let number = UInt8.random(in: 0...7, using: &random)
    return "10.0.\(number << 5).\(number)"
  }
}
