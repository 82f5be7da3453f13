import Testing

@testable import Policy

struct NamePolicyTests {
  private func policy(_ lines: String, yielding: String? = nil) throws -> NamePolicy {
    NamePolicy(try configuration(lines).domains, yieldingFile: yielding)
  }

  struct Case: CustomTestStringConvertible {
    let lines: String
    let open: [String]
    let closed: [String]
    var testDescription: String { lines }
  }

  // A question without a port is about 443.
  @Test(arguments: [
    Case(lines: "", open: [], closed: ["a", "localhost"]),
    Case(
      lines: "allow-domain = github.com",
      open: ["github.com", "api.github.com", "a.b.github.com", "github.com:80"],
      closed: [
        "github.com:22", "evilgithub.com", "github.com.evil.org", "com", "hub.com", "github.co", "github",
      ]),
    Case(
      lines: "allow-domain = *.x.org", open: ["a.x.org", "a.b.x.org"], closed: ["x.org", "ax.org", "org"]),
    Case(lines: "allow-domain = =x.org", open: ["x.org"], closed: ["a.x.org", "org"]),
    Case(lines: "allow-domain = x.org:*", open: ["x.org:1", "x.org:65535"], closed: []),
    // The longest name decides, whatever the order.
    Case(
      lines: "allow-domain = x.org\nblock-domain = ads.x.org", open: ["x.org", "b.x.org"],
      closed: ["ads.x.org", "a.ads.x.org"]),
    Case(
      lines: "block-domain = ads.x.org\nallow-domain = ok.ads.x.org\nallow-domain = x.org",
      open: ["ok.ads.x.org", "x.org"], closed: ["ads.x.org", "a.ads.x.org"]),
    Case(lines: "block-domain = com\nallow-domain = =a.com", open: ["a.com"], closed: ["b.com", "c.a.com"]),
    Case(lines: "allow-domain = x.org\nblock-domain = *.x.org", open: ["x.org"], closed: ["a.x.org"]),
    Case(lines: "allow-domain = x.org\nblock-domain = =x.org", open: ["a.x.org"], closed: ["x.org"]),
    // Of one name what blocks.
    Case(lines: "allow-domain = x.org\nblock-domain = x.org", open: [], closed: ["x.org", "a.x.org"]),
    Case(lines: "block-domain = x.org\nallow-domain = =x.org", open: [], closed: ["x.org"]),
    // A line decides about its ports only, and all others fall through to a shorter name.
    Case(
      lines: "allow-domain = x.org\nallow-domain = =git.x.org:22",
      open: ["git.x.org:22", "git.x.org:443", "x.org"],
      closed: ["x.org:22", "a.git.x.org:22"]),
    Case(
      lines: "block-domain = org\nallow-domain = =x.org:22", open: ["x.org:22"],
      closed: ["x.org:443", "a.x.org:22"]),
    Case(
      lines: "allow-internal-domain = git.corp:22\nallow-domain = corp",
      open: ["git.corp:22", "git.corp:443"],
      closed: ["a.git.corp:22"]),
  ])
  func decisions(_ sample: Case) throws {
    let policy = try policy(sample.lines)
    for (questions, isOpen) in [(sample.open, true), (sample.closed, false)] {
      for question in questions {
        let parts = question.split(separator: ":")
        let port = parts.count > 1 ? try #require(UInt16(parts[1])) : 443
        let rule = policy.rule(try name(String(parts[0])), port: port)
        #expect((rule?.action == .allow) == isOpen, "\(question): \(String(describing: rule))")
      }
    }
  }

  @Test func whatIsSaidOfAName() throws {
    let policy = try policy(
      "allow-domain = a.b.c.org:1\nblock-domain = x.c.org\nallow-domain = *.d.net\nallow-domain = e.x.c.org")
    func standing(_ text: String) throws -> NamePolicy.Standing { policy.standing(try name(text)) }
    #expect(try standing("a.b.c.org") == .allowed(policy.rules[0]))
    #expect(try standing("z.a.b.c.org") == .allowed(policy.rules[0]))
    for text in ["b.c.org", "c.org", "org", "net", "d.net"] {
      #expect(try standing(text) == .ancestor, "\(text)")
    }
    #expect(try standing("x.c.org") == .blocked(policy.rules[1]))
    #expect(try standing("e.x.c.org") == .allowed(policy.rules[3]))
    for text in ["z.c.org", "com", "b.org"] { #expect(try standing(text) == .unlisted, "\(text)") }
  }

  // It leads wherever the other one does, and further.
  @Test(arguments: [[0, 1], [1, 0]])
  func anInternalRuleGoesBeforeAPublicOneOfItsName(order: [Int]) throws {
    let lines = ["allow-domain = =x.corp:22", "allow-internal-domain = x.corp:22"]
    let policy = try policy(order.map { lines[$0] }.joined(separator: "\n"))
    #expect(policy.rule(try name("x.corp"), port: 22)?.isInternal == true)
  }

  @Test func ofEqualRulesTheFirstOneAnswers() throws {
    let policy = try policy("allow-domain = x\nallow-domain = x\nblock-domain = y\nblock-domain = y")
    #expect(policy.rule(try name("x"), port: 443)?.origin.description == "test.conf:1:1: allow-domain")
    #expect(policy.rule(try name("y"), port: 443)?.origin.description == "test.conf:3:1: block-domain")
  }

  // What a project lists that may only close: no line that blocks loses against it, however short its name.
  @Test func whatYieldsOpensNothingThatIsBlocked() throws {
    let administrator = try configuration("block-domain = com\nallow-domain = ok.com").domains
    let project = try ConfigurationParser.parse([
      (name: "p", text: Array("allow-domain = a.com\nallow-domain = b.org\nblock-domain = c.b.org".utf8))
    ]).domains
    let preset = DomainRule(
      DomainPattern(try name("d.com"), .tree), action: .allow, origin: administrator[0].origin,
      preset: Sourced("some", at: .init(file: "p", line: 1, column: 1)))
    let policy = NamePolicy(administrator + project + [preset], yieldingFile: "p")
    for (text, isOpen) in [
      ("a.com", false), ("d.com", false), ("b.org", true), ("c.b.org", false), ("ok.com", true),
    ] {
      #expect((policy.rule(try name(text), port: 443)?.action == .allow) == isOpen, "\(text)")
    }
    // Whoever is trusted is like the administrator.
    #expect(NamePolicy(policy.rules).rule(try name("a.com"), port: 443)?.action == .allow)
  }

  /// The definition, written another way: all rules that match, the best of them.
  @Test func everyAnswerIsTheDefinitions() throws {
    var random = Random(seed: 7)
    for _ in 0..<400 {
      let policy = try policy(RandomNames.lines(8, &random).joined(separator: "\n"))
      for _ in 0..<40 {
        let (name, port) = (try name(RandomNames.name(&random)), random.pick(RandomNames.ports))
        let matching = policy.rules.filter { $0.ports.contains(port) && Self.holds($0.pattern, name) }
        let longest = matching.map(\.pattern.name.labels.count).max()
        let deciding = matching.filter { $0.pattern.name.labels.count == longest }
        let isOpen = !deciding.isEmpty && deciding.allSatisfy { $0.action == .allow }
        #expect(
          (policy.rule(name, port: port)?.action == .allow) == isOpen, "\(name):\(port) \(policy.rules)")
      }
    }
  }

  private static func holds(_ pattern: DomainPattern, _ name: DomainName) -> Bool {
    let isBelow = name.text.hasSuffix("." + pattern.name.text)
    switch pattern.extent {
    case .tree: return isBelow || name == pattern.name
    case .below: return isBelow
    case .exact: return name == pattern.name
    }
  }
}
