import Testing

@testable import Policy

/// What a project's own file may say.
struct ProjectConfigurationTests {
  private func tightened(
    _ base: String, by project: String, mayWiden: Bool = false, leavingOutRest: Bool = false
  ) throws -> Configuration {
    try configuration(base).tightened(
      by: (name: "p.conf", text: Array(project.utf8)), mayWiden: mayWiden, leavingOutRest: leavingOutRest)
  }

  @Test(arguments: [
    ("", "network = none", "none", 0, 0), ("", "network = restricted", "restricted", 0, 0),
    ("network = restricted", "network = none", "none", 0, 0),
    ("network = restricted", "network = restricted", "restricted", 0, 0),
    ("", "network = internet", "internet", 0, 0),
    ("", "block-ip = 8.8.8.8\nblock-net = 9.0.0.0/8\nblock-domain = a.org", "internet", 2, 1),
    ("network = none", "block-ip = 8.8.8.8", "none", 1, 0),
    // Its own mode closes all else.
    ("", "network = restricted\nallow-domain = a.org\npreset = npm", "restricted", 0, 1),
    ("", "allow-domain = a.org\nnetwork = none", "none", 0, 1),
  ])
  func whatCloses(base: String, project: String, mode: String, rules: Int, names: Int) throws {
    let result = try tightened(base, by: project)
    #expect(result.network.value.rawValue == mode)
    #expect(result.rules.count == rules && result.domains.count == names)
    #expect(result.presets.count == (project.contains("preset") ? 1 : 0))
    #expect(result.yieldingFile == "p.conf")
    #expect(try tightened(base, by: project, mayWiden: true).yieldingFile == nil)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let base: String
    let line: String
    let message: String
    let hint: String
    var testDescription: String { "\(base) \(line)" }
  }

  private static let trusted =
    "only a project below a trust-project directory of /etc/claude-sandbox.conf may open something"
  private static let restrict = "write network = restricted in this file, too"

  @Test(arguments: [
    Case(
      base: "", line: "allow-ip = 10.0.0.1", message: "allow-ip would open what a project cannot open",
      hint: trusted),
    Case(
      base: "", line: "allow-net = 8.8.8.0/24", message: "allow-net would open what a project cannot open",
      hint: trusted),
    Case(
      base: "", line: "allow-host-port = 1", message: "allow-host-port would open what a project cannot open",
      hint: trusted),
    Case(
      base: "", line: "publish = 1", message: "publish would open what a project cannot open", hint: trusted),
    Case(
      base: "", line: "publish = auto", message: "publish would open what a project cannot open",
      hint: trusted),
    Case(
      base: "", line: "allow-domain = a.org", message: "allow-domain would list what is left", hint: restrict),
    Case(base: "", line: "preset = npm, pypi", message: "preset would list what is left", hint: restrict),
    Case(
      base: "network = restricted", line: "allow-domain = a.org",
      message: "allow-domain would open a name in network = restricted (test.conf:1:1)", hint: trusted),
    Case(
      base: "network = restricted", line: "preset = npm",
      message: "preset would open a name in network = restricted (test.conf:1:1)", hint: trusted),
    Case(
      base: "network = restricted", line: "network = internet",
      message: "network = internet is more than network = restricted (test.conf:1:1) gives", hint: trusted),
    Case(
      base: "network = none", line: "network = restricted",
      message: "network = restricted is more than network = none (test.conf:1:1) gives", hint: trusted),
  ])
  func whatWidensIsAnError(_ sample: Case) throws {
    let error = try #require(throws: ConfigurationError.self) {
      try tightened(sample.base, by: "\n  \(sample.line)\r\nblock-ip = 8.8.8.8")
    }
    #expect(error.diagnostics.map(\.message) == [sample.message])
    #expect(error.diagnostics.map(\.hint) == [sample.hint])
    #expect(error.diagnostics.map(\.location.description) == ["p.conf:2:3"])
    #expect(error.diagnostics.map(\.text) == ["  \(sample.line)"])
    // A running jail follows its administrator whatever is in it.
    let left = try tightened(sample.base, by: "\(sample.line)\nblock-ip = 8.8.8.8", leavingOutRest: true)
    #expect(try left.network.value == configuration(sample.base).network.value)
    #expect(left.hostPorts.isEmpty && left.publications.isEmpty)
    #expect(left.domains.isEmpty && left.presets.isEmpty && left.rules.map(\.action) == [.block])
    // Who is trusted may.
    #expect(throws: Never.self) { try tightened(sample.base, by: sample.line, mayWiden: true) }
  }

  // The line that names a mode that is none narrower does not make its lists harmless.
  @Test(arguments: ["network = restricted", "network = internet"])
  func aListBesideAModeThatChangesNothing(mode: String) throws {
    let base = mode == "network = internet" ? "" : mode
    #expect(throws: ConfigurationError.self) { try tightened(base, by: "\(mode)\nallow-domain = a.org") }
  }

  @Test func everyLineIsComplainedAbout() throws {
    let error = try #require(throws: ConfigurationError.self) {
      try tightened(
        "network = restricted", by: "preset = a\nnetwork = internet\nallow-ip = 8.8.8.8\nallow-domain = b")
    }
    #expect(error.diagnostics.map(\.line) == [1, 2, 3, 4])
  }

  @Test(arguments: [
    "egress-jail = 0", "allow-override = yes", "claude-binary = /opt/a", "expose-socket = /run/a",
    "trust-project = /srv", "ipv6 = auto", "unix-sockets = listed", "allow-internal-domain = a.corp:22",
    "no-forge",
  ])
  func whatIsNeverAProjects(line: String) throws {
    for mayWiden in [false, true] {
      for leavingOutRest in [false, true] {
        let error = try #require(throws: ConfigurationError.self) {
          try tightened("", by: line, mayWiden: mayWiden, leavingOutRest: leavingOutRest)
        }
        let key = line.prefix { $0 != " " }
        #expect(error.diagnostics.map(\.message) == ["\(key) cannot be in a project's file"])
      }
    }
  }

  @Test func whoIsTrustedMayWiden() throws {
    let result = try tightened(
      "network = restricted\nblock-ip = 8.8.8.8",
      by:
        "network = internet\nallow-ip = 10.0.0.1\nallow-net = 10.2.0.0/16\nallow-domain = a.org\npreset = npm",
      mayWiden: true)
    #expect(result.network.value == .internet && result.network.location?.file == "p.conf")
    #expect(result.rules.count == 3 && result.domains.count == 1 && result.presets.map(\.value) == ["npm"])
  }

  @Test func portsOfWhoIsTrustedStandBesideTheAdministrators() throws {
    let base = "allow-host-port = 1\npublish = 2"
    let result = try tightened(base, by: "allow-host-port = 3\npublish = auto\npublish = 4", mayWiden: true)
    #expect(result.hostPorts.map(\.value.description) == ["1", "3"])
    #expect(result.publications.map(\.value.description) == ["2", "auto", "4"])
    let error = try #require(throws: ConfigurationError.self) {
      try tightened(base, by: "publish = 2:9\nallow-host-port = 8:1\nallow-host-port = 2", mayWiden: true)
    }
    #expect(error.diagnostics.map(\.line) == [1, 2, 3])
    #expect(
      error.diagnostics.first?.message
        == "the host's port 2 cannot be published at twice: test.conf:2:1: publish = 2")
    // A running jail follows its administrator.
    let left = try tightened(base, by: "publish = 2:9\npublish = 7", mayWiden: true, leavingOutRest: true)
    #expect(left.publications.map(\.value.description) == ["2", "7"])
  }

  /// Whatever a file says that may only close, and whatever the administrator's say: nothing is reached that was not before.
  @Test func anUntrustedFileOpensNothing() throws {
    var (random, reached, kept) = (Random(seed: 12), 0, 0)
    for _ in 0..<400 {
      let base = ([random.pick(["", "network = restricted"])] + RandomNames.lines(5, &random)).joined(
        separator: "\n")
      let project =
        ([random.pick(["", "network = restricted", "network = internet"])]
        + RandomNames.lines(5, &random).filter { !$0.contains("internal") } + ["allow-ip = 10.0.0.1"])
        .joined(separator: "\n")
      let result = try tightened(base, by: project, leavingOutRest: true)
      let before = try plan(base)
      let after = try Plan.make(configuration: result, facts: plainHost())
      for _ in 0..<60 {
        let name = try name(RandomNames.name(&random))
        let flow = try flow(
          random.pick(["8.8.8.8", "10.0.0.1", "10.0.0.2"]), .tcp, random.pick(RandomNames.ports))
        var was = Self.reaches(before, name, flow)
        // In internet, too, the gateway closes some ports of the names that it serves, but the addresses stay open.
        if before.network == .internet, case .served = before.names?.answer(name) {
          was = was || before.decide(flow).allowed
        }
        let isNow = Self.reaches(after, name, flow)
        #expect(!isNow || was, "\(name) \(flow)\n\(base)\n--\n\(project)")
        #expect(!after.decide(flow).allowed || before.decide(flow).allowed)
        reached += isNow ? 1 : 0
        kept += isNow && after.network == .restricted && before.network == .internet ? 1 : 0
      }
    }
    #expect(reached > 1000 && kept > 100)
  }

  // Whether a program that asks for the name gets to the address to which it leads.
  private static func reaches(_ plan: Plan, _ name: DomainName, _ flow: Flow) -> Bool {
    guard let names = plan.names else { return false }
    switch names.answer(name) {
    case .asOnHost: return plan.decide(flow).allowed
    case .doesNotExist, .hasNoAddress: return false
    case .served:
      guard let rule = names.rule(name, port: flow.port), rule.action == .allow else { return false }
      return names.decide(flow.destination, port: flow.port, for: rule).allowed
    }
  }
}
