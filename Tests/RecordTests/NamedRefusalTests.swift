import Policy
import Testing

@testable import Record

@Suite struct NamedRefusalTests {
  private static let rule = RecordLine.Rule(
    prefix: "gist.github.com",
    origin: .configuration(
      SourceLocation(file: "/etc/claude-sandbox.conf", line: 3, column: 1), key: "block-domain"))
  private static let builtin = RecordLine.Rule(
    prefix: "10.0.0.0/8", origin: .builtin("private (RFC 1918)"))
  private static let metadata = RecordLine.Rule(
    prefix: "169.254.0.0/16", origin: .builtin("link-local (RFC 3927)"))
  private static let host = RecordLine.Rule(
    prefix: "10.0.0.5/32", origin: .hostAddress(link: "eth0"))

  /// What to write, of each reason.
  @Test(arguments: [
    (NamedRefusal("example.org", .notListed), Remedy.line("allow-domain = =example.org")),
    (NamedRefusal("Example.ORG.", .notListed), .line("allow-domain = =example.org")),
    (NamedRefusal("example.org", port: 8443, .notListed), .line("allow-domain = =example.org:8443")),
    (NamedRefusal("github.com", port: 22, .port), .line("allow-domain = =github.com:22")),
    (
      NamedRefusal("gist.github.com", .blocked, rule: rule),
      .warning("/etc/claude-sandbox.conf:3 closes it: change that line")
    ),
    (
      NamedRefusal("gitlab.corp", port: 443, .address, destination: IPAddress("10.1.2.3"), rule: builtin),
      .widerLine(
        "allow-internal-domain = gitlab.corp:443", "whatever internal address it leads to, now or later")
    ),
    (
      NamedRefusal("x.test", port: 80, .address, destination: IPAddress("169.254.169.254"), rule: metadata),
      .warning("link-local or cloud metadata, which may hand out this machine's credentials")
    ),
    (
      NamedRefusal("x.test", port: 80, .address, destination: IPAddress("10.0.0.5"), rule: host),
      .warning("an address of this host: what listens there trusts whoever is on it")
    ),
  ])
  func remedies(_ refusal: NamedRefusal, _ remedy: Remedy) { #expect(refusal.remedy == remedy) }

  /// A name that is none of a host gets into no line, whatever the reason.
  @Test(
    arguments: [
      "", "localhost", "com", "a b.test", "a\nallow-net = 0.0.0.0/0", "\u{1b}[2J.test", "#.test", "=.test",
      "*.test",
      "bücher.test", "a..test", String(repeating: "a", count: 64) + ".test",
      String(repeating: "a.", count: 200) + "test",
    ], NamedRefusal.Reason.allCases)
  func noHostileLine(_ name: String, _ reason: NamedRefusal.Reason) {
    let refusal = NamedRefusal(
      name, port: 443, reason, destination: IPAddress("10.1.2.3"), spoken: name, rule: Self.builtin)
    if case .warning = refusal.remedy {} else { Issue.record("\(refusal.remedy)") }
    for text in [refusal.subject, refusal.because] {
      #expect(!text.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f })
    }
  }

  /// What is written is what is read.
  @Test(arguments: NamedRefusal.Reason.allCases)
  func lines(_ reason: NamedRefusal.Reason) throws {
    let refusal = NamedRefusal(
      "github.com", port: 443, reason, destination: IPAddress("10.1.2.3"), spoken: "other.test",
      rule: Self.rule)
    let line = RecordLine.refused(refusal, by: .unknown, count: 3, time: RecordLineTests.time, jail: 7)
    #expect(line.event == .nameRefused && NamedRefusal(line) == refusal)
    #expect(
      line.text.contains("\"event\":\"name-refused\"")
        && line.text.contains("\"reason\":\"\(reason.rawValue)\""))
    #expect(line.sentence.hasPrefix("refused: github.com:443, 3 times: "))
    #expect(Summary([line, line]).namedTallies.map(\.count) == [6])
  }

  private func tally(_ refusal: NamedRefusal, _ count: Int = 1) -> NamedTally {
    NamedTally(refusal, program: refusal.port == nil ? nil : "git", count: count)
  }

  @Test func configuration() {
    let summary = Summary(
      [Tally](),
      named: [
        tally(NamedRefusal("telemetry.test", .notListed), 4),
        tally(NamedRefusal("telemetry.test.corp.test", .notListed), 4),
        tally(NamedRefusal("github.com", port: 22, .port), 2),
        tally(
          NamedRefusal(
            "gitlab.corp", port: 443, .address, destination: IPAddress("10.1.2.3"), rule: Self.builtin)),
        tally(NamedRefusal("pypi.org", port: 443, .serverName, spoken: "evil.test")),
      ], names: 2, others: 0)
    #expect(
      summary.configuration == """
        allow-domain = =github.com:22  # git, 2 times
        allow-domain = =telemetry.test  # 4 times
        # allow-internal-domain = gitlab.corp:443  # opens whatever internal address it leads to, now or later; git, once
        # not pypi.org:443 (git, once): TLS was spoken for evil.test; whoever is meant has to be connected to by that name
        # not telemetry.test.corp.test (4 times): perhaps telemetry.test with a search domain
        """)
    #expect(
      summary.sentence.hasPrefix(
        "2 names asked, 5 names and 0 destinations refused: github.com:22 (git, 2 times), gitlab.corp:443 (git, once), "
      ))
  }

  /// Texts from the jail are cut where they are kept.
  @Test func longTexts() {
    let refusal = NamedRefusal(
      String(repeating: "x", count: 10_000), .notListed, spoken: String(repeating: "y", count: 10_000))
    #expect(refusal.name.count < 300 && (refusal.spoken?.count ?? 0) < 300)
  }
}
