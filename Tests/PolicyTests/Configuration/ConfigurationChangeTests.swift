import Testing

@testable import Policy

/// What a running jail makes of new files.
struct ConfigurationChangeTests {
  private static let keys = ConfigurationKey.all.filter { !$0.isForeign && !$0.manual.isEmpty }

  private func change(
    _ before: String, _ after: String, mayWiden: Bool = true, means: ConfigurationChange.Means = .all
  ) throws
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

  private func means(_ text: String, on facts: HostFacts? = nil) throws -> ConfigurationChange.Means {
    ConfigurationChange.Means(try plan(text, on: facts))
  }

  @Test func rulesOfAFamilyThatTheJailHasNotWait() throws {
    let without = try means("", on: HostFacts(ipv4InternetPaths: [try hop("eth0")]))
    #expect(try change("", "allow-ip = fd00::3", means: without).waiting == ["ipv6"])
    #expect(try change("", "block-ip = 2606::3", means: without).waiting.isEmpty)
    #expect(try change("", "allow-ip = fd00::3", means: means("")).waiting.isEmpty)
  }

  // What the jail was launched without waits, and is taken over as far as it closes.
  @Test(arguments: [
    ("network = restricted", "allow-ip = 10.0.0.1\nblock-ip = 8.8.8.8", ["allow-ip"]),
    ("network = restricted", "allow-net = fd00::/64", ["allow-net"]),
    ("network = restricted\nallow-ip = 10.0.0.2", "allow-ip = 10.0.0.1", []),
    ("network = restricted", "allow-internal-domain = a.corp:22\nallow-domain = a.org\npreset = npm", []),
    ("", "allow-internal-domain = a.corp:22", ["allow-internal-domain"]),
    ("allow-internal-domain = b.corp:22", "allow-internal-domain = a.corp:22", []),
    ("", "block-domain = a.org\nallow-domain = b.org\npreset = npm", []),
    ("network = none", "allow-ip = 10.0.0.1\nallow-internal-domain = a.corp:22", []),
  ])
  func whatTheJailHasNotWaits(launched: String, added: String, waiting: [String]) throws {
    let mode = launched.hasPrefix("network") ? String(launched.prefix { $0 != "\n" }) : ""
    let change = try change(launched, "\(mode)\n\(added)", means: means(launched))
    #expect(change.waiting == waiting)
    #expect(try change.configuration.domains.count == configuration(added).domains.count)
  }

  @Test(arguments: [
    ("", "network = restricted"), ("network = restricted", ""), ("network = none", "network = restricted"),
  ])
  func anotherModeWaits(before: String, after: String) throws {
    let change = try change(before, after)
    #expect(
      try change.waiting == ["network"] && change.configuration.network == configuration(before).network)
  }

  @Test func theCallersRestrictionIsNotWhatTheFilesSay() throws {
    var launched = try configuration("")
    launched.network = Sourced(.restricted)
    let open = try ConfigurationChange(
      from: launched, to: configuration("allow-domain = a.org"), mayWiden: true)
    #expect(open.waiting.isEmpty && open.configuration.network.value == .restricted)
    let closed = try ConfigurationChange(from: launched, to: configuration("network = none"), mayWiden: true)
    #expect(closed.configuration.network.value == .none)
  }

  @Test func presetsAreTakenOver() throws {
    func with(_ preset: String, _ names: String...) throws -> Configuration {
      var configuration = try configuration("preset = \(preset)")
      configuration.domains = try names.map {
        DomainRule(
          DomainPattern(try name($0), .tree), action: .allow,
          origin: .configuration(.init(file: "/p/\(preset).conf", line: 1, column: 1), key: "allow-domain"),
          preset: configuration.presets.first)
      }
      return configuration
    }
    let before = try with("npm", "a.org")
    let wider = try with("pypi", "b.org", "c.org")
    let open = ConfigurationChange(from: before, to: wider, mayWiden: true)
    #expect(
      open.configuration == wider && open.waiting.isEmpty && open.summary == "rules: 2 added, 1 removed")
    let narrow = ConfigurationChange(from: before, to: wider, mayWiden: false)
    #expect(narrow.configuration.presets.isEmpty && narrow.configuration.domains.isEmpty)
    #expect(narrow.waiting == ["preset"] && narrow.summary == "rules: 0 added, 1 removed")
  }

  // It opened only what nothing blocks; the same line of the administrator's opens more.
  @Test func aNameThatYieldedIsAnother() throws {
    var (before, after) = (
      try configuration("allow-domain = a.org"), try configuration("allow-domain = a.org")
    )
    before.yieldingFile = "test.conf"
    #expect(
      ConfigurationChange(from: before, to: after, mayWiden: false).configuration.yieldingFile == "test.conf")
    after = try ConfigurationParser.parse([(name: "other.conf", text: Array("allow-domain = a.org".utf8))])
    #expect(ConfigurationChange(from: before, to: after, mayWiden: false).configuration.domains.isEmpty)
  }

  @Test(arguments: [
    ("", "allow-ip = 10.0.0.1", "rules: 1 added, 0 removed"),
    ("allow-ip = 10.0.0.1\nblock-ip = 8.8.8.8", "# moved\nallow-ip = 10.0.0.1", "rules: 0 added, 1 removed"),
    ("allow-ip = 10.0.0.1:443", "allow-ip = 10.0.0.1:80", "rules: 1 added, 1 removed"),
    (
      "allow-domain = a", "allow-ip = 10.0.0.1\nallow-domain = =a\nblock-domain = b",
      "rules: 3 added, 1 removed"
    ),
    ("allow-domain = a:22", "\nallow-domain = A.:22\n", nil),
    ("allow-host-port = 1\npublish = 5", "# moved\npublish = 5\npublish = auto", "rules: 1 added, 1 removed"),
    ("publish = 5", "publish = 6:5", "rules: 1 added, 1 removed"),
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
    ("", "allow-domain = a.org", ["allow-domain"]), ("allow-domain = a.org", "", []),
    ("", "block-domain = a.org", []), ("block-domain = a.org", "", ["block-domain"]),
    ("allow-domain = =a.org", "allow-domain = a.org", ["allow-domain"]),
    ("", "allow-internal-domain = a:22", ["allow-internal-domain"]), ("", "preset = npm", ["preset"]),
    ("", "allow-host-port = 1", ["allow-host-port"]), ("allow-host-port = 1", "", []),
    ("allow-host-port = 1-3", "allow-host-port = 1-4", ["allow-host-port"]),
    ("", "publish = auto", ["publish"]), ("publish = auto\npublish = 1", "publish = 1", []),
    ("publish = 1", "publish = 0.0.0.0:1:1", ["publish"]),
  ])
  func whatWouldOpenWaits(before: String, after: String, waiting: [String]) throws {
    #expect(try change(before, after, mayWiden: false).waiting == waiting)
  }

  @Test func onlyPortsThatWereOpenStayOpen() throws {
    let before = "allow-host-port = 1\nallow-host-port = 2\npublish = 3\npublish = auto"
    let next = try change(
      before, "publish = 4\npublish = 3\nallow-host-port = 5:2\nallow-host-port = 1", mayWiden: false)
    #expect(next.configuration.hostPorts.map(\.value.description) == ["1"])
    #expect(next.configuration.publications.map(\.value.description) == ["3"])
    #expect(next.waiting == ["allow-host-port", "publish"] && next.summary == "rules: 0 added, 2 removed")
  }

  // The loopback of a jail without a network has its doors, too.
  @Test func portsNeedNoUplink() throws {
    let next = try change(
      "network = none", "network = none\nallow-host-port = 1\npublish = 2", means: means("network = none"))
    #expect(next.waiting.isEmpty && next.configuration.portLines.count == 2)
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

  @Test func narrowingOpensNoName() throws {
    var (random, allowed) = (Random(seed: 43), 0)
    for _ in 0..<400 {
      let lines = RandomNames.lines(9, &random)
      let (before, after) = (lines.prefix(6), lines.suffix(6))
      let texts = [before, after].map { "network = restricted\n" + $0.joined(separator: "\n") }
      let narrowed = try change(texts[0], texts[1], mayWiden: false).configuration
      let names = try ([configuration(texts[0]), configuration(texts[1]), narrowed]).map {
        try #require(Plan.make(configuration: $0, facts: plainHost()).names)
      }
      for _ in 0..<60 {
        let (name, port) = (try name(RandomNames.name(&random)), random.pick(RandomNames.ports))
        let address = try ip(random.pick(["8.8.8.8", "10.0.0.1"]))
        let isOpen = names.map { names in
          guard let rule = names.rule(name, port: port), rule.action == .allow else { return false }
          return names.decide(address, port: port, for: rule).allowed
        }
        #expect(!isOpen[2] || isOpen[0] && isOpen[1], "\(name):\(port)\n\(texts[0])\n->\n\(texts[1])")
        allowed += isOpen[2] ? 1 : 0
      }
    }
    #expect(allowed > 500)
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
