import Policy
import Testing

@testable import Record

@Suite struct SummaryTests {
  private func tally(_ packet: RefusedPacket, count: Int = 1, name: String? = nil, by text: String = "")
    throws -> Tally
  {
    guard case .process(let own, _) = packet.sender else { throw CancellationError() }
    let rule = RecordLine.Rule(try RecordLineTests.decision(text, for: packet))
    return Tally(Attempt(packet), program: own.name, name: name, rule: rule, count: count)
  }

  @Test func sentence() throws {
    let one = try tally(RecordLineTests.packet(), count: 3)
    let other = try tally(RecordLineTests.packet("169.254.169.254", port: 80, name: "curl"))
    #expect(
      Summary([other, one], names: 4, others: 12_403).sentence
        == "4 names asked, 2 destinations refused: 10.1.2.3:443/tcp (psql, 3 times), 169.254.169.254:80/tcp (curl, once), and 12403 more attempts"
    )
    #expect(Summary([], names: 1, others: 0).sentence == "1 name asked, 0 destinations refused")
  }

  @Test func ofLines() throws {
    let packet = try RecordLineTests.packet()
    var suppressed = RecordLine(.suppressed, time: RecordLineTests.time, jail: 1)
    suppressed.count = .max
    let lines = [
      try RecordLineTests.refused(packet), try RecordLineTests.refused(packet, count: 5),
      try RecordLineTests.refused(RecordLineTests.packet(name: "curl")), suppressed, suppressed,
    ]
    let summary = Summary(lines)
    #expect(summary.tallies.map(\.count) == [1, 6])
  }

  @Test func configuration() throws {
    let tallies = [
      try tally(RecordLineTests.packet(), count: 3),
      try tally(RecordLineTests.packet("fd00::7", 17, port: 53, name: "dig"), name: "ns.example.org"),
      try tally(RecordLineTests.packet("10.1.2.3", 1, port: nil, name: "ping")),
      try tally(RecordLineTests.packet("169.254.169.254", port: 80, name: "curl")),
      try tally(RecordLineTests.packet("fe80::1", port: 80, name: "curl")),
    ]
    #expect(
      Summary(tallies, names: 0, others: 2).configuration == """
        allow-ip = 10.1.2.3:443/tcp  # psql, 3 times
        allow-ip = [fd00::7]:53/udp  # dig, ns.example.org, once
        # allow-ip = 10.1.2.3  # opens all ports, since echo has no rule of its own; ping, once
        # not 169.254.169.254:80/tcp (curl, once): link-local or cloud metadata, which may hand out this machine's credentials
        # not [fe80::1]:80/tcp (curl, once): link-local addresses never leave a link
        # and 2 more attempts, which were too many to be told apart
        """)
    #expect(Summary([], names: 0, others: 0).configuration == "# nothing was refused")
  }

  /// Whatever programs and names are called: the parser of the configuration sees the lines of the numbers, and no other.
  @Test(arguments: [
    "\nallow-net = 10.0.0.0/8", "\r\nallow-net = 10.0.0.0/8\r\n", "\u{2028}allow-net = 10.0.0.0/8\u{85}",
    "\u{b}allow-net = 10.0.0.0/8\u{c}", "\u{1b}[2K\u{202e}", "\u{0}", "#", "\\", "\u{fffd}",
  ])
  func nothingHostileIsALine(_ hostile: String) throws {
    let tallies = [
      try tally(RecordLineTests.packet(name: hostile), name: hostile),
      try tally(RecordLineTests.packet("169.254.169.254", port: 80, name: hostile), name: hostile),
      try tally(RecordLineTests.packet("10.1.2.3", 1, port: nil, name: hostile), name: hostile),
    ]
    let text = Summary(tallies, names: 0, others: 0).configuration
    let parsed = try ConfigurationParser.parse([(name: "learned", text: Array(text.utf8))])
    #expect(parsed.rules.map { "\($0.prefix) \($0.services)" } == ["10.1.2.3/32 443/tcp"])
    #expect(text.split(whereSeparator: \.isNewline).count == 3)
  }

  /// Even if the record was forged.
  @Test(arguments: ["10.1.2.3\nallow-net = 10.0.0.0/8", "10.1.2.3/8", "10.0.0.0/8", "::/0", "", "x"])
  func forgedDestinations(_ destination: String) throws {
    var line = try RecordLineTests.refused(RecordLineTests.packet())
    line.destination = destination
    #expect(Attempt(line) == nil && Summary([line]).tallies.isEmpty)
    #expect(!line.sentence.contains("\n"))
  }

  @Test func summariesAreOneLine() throws {
    let tallies = [
      try tally(RecordLineTests.packet(name: RecordLineTests.hostile), name: RecordLineTests.hostile)
    ]
    let sentence = Summary(tallies, names: 0, others: 0).sentence
    #expect(!sentence.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{202e}" })
  }
}
