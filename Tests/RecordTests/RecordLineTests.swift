import FoundationEssentials
import Policy
import Testing

@testable import Record

/// What is written is what is read.
@Suite struct RecordLineTests {
  static let time = Timestamp(milliseconds: 1_795_289_320_123)
  /// What a program may call itself, and a name server answer.
  static let hostile = "\u{1b}[2J\n\"}\\ \u{202e}\u{0}\u{85}é😀"

  static func packet(
    _ destination: String = "10.1.2.3", _ number: UInt8 = 6, port: UInt16? = 443, name: String = "psql"
  ) throws -> RefusedPacket {
    RefusedPacket(
      destination: try #require(IPAddress(destination)), protocolNumber: number, port: port,
      sender: .process(
        .init(process: 123, name: name),
        parents: [.init(process: 100, name: "sh"), .init(process: 99, name: name)]))
  }

  static func decision(_ text: String = "", for packet: RefusedPacket) throws -> Decision {
    let configuration = try ConfigurationParser.parse([(name: "/etc/test.conf", text: Array(text.utf8))])
    let facts = HostFacts(
      ipv4InternetPaths: [.init(link: "eth0", gateway: IPAddress("192.168.1.1"))],
      ipv6InternetPaths: [.init(link: "eth0", gateway: IPAddress("fe80::1"))])
    return try Plan.make(configuration: configuration, facts: facts).decide(Attempt(packet).flow)
  }

  static func refused(_ packet: RefusedPacket, count: Int = 1, name: String? = nil) throws -> RecordLine {
    .refused(packet, count: count, name: name, decision: try decision(for: packet), time: time, jail: 4711)
  }

  static func full() throws -> [RecordLine] {
    var started = RecordLine(.started, time: time, jail: 4711)
    (started.command, started.directory, started.network) = (["sh", hostile], "/home/\(hostile)", "internet")
    var names = RecordLine(.names, time: time, jail: 1)
    (names.names, names.others) = ([.init(name: hostile, count: 3)], 7)
    var configuration = RecordLine(.configuration, time: time, jail: 1)
    (configuration.accepted, configuration.message) = (false, hostile)
    var suppressed = RecordLine(.suppressed, time: time, jail: 1)
    suppressed.count = 12_403
    var ended = RecordLine(.ended, time: time, jail: 1)
    (ended.status, ended.refused, ended.asked) = (1, 3, 4)
    var gone = try refused(packet("fd00::1", 17, port: 53))
    gone.process = .gone
    var unknown = try refused(packet("fd00::1", 58, port: nil))
    unknown.process = .unknown
    return [
      started, try refused(packet(name: hostile), count: 3, name: hostile), gone, unknown, names,
      configuration,
      suppressed, RecordLine(.touched, time: time, jail: 1), ended,
    ]
  }

  @Test func roundTrip() throws {
    for line in try Self.full() {
      let text = line.text
      #expect(text.utf8.allSatisfy { (0x20..<0x7f).contains($0) }, "\(text)")
      #expect(try JSONDecoder().decode(RecordLine.self, from: Data(text.utf8)) == line)
    }
  }

  @Test func golden() throws {
    #expect(
      try Self.refused(Self.packet(), count: 2, name: "db.example.org").text
        == #"{"version":1,"time":"2026-11-21T19:28:40.123Z","jail":4711,"event":"refused","process":{"pid":123,"name":"psql","parents":[{"pid":100,"name":"sh"},{"pid":99,"name":"psql"}]},"destination":"10.1.2.3","port":443,"protocol":"tcp","name":"db.example.org","rule":{"prefix":"10.0.0.0/8","because":"private (RFC 1918)","kind":"builtin"},"count":2}"#
    )
  }

  @Test func ruleOfTheConfiguration() throws {
    let packet = try Self.packet("1.2.3.4")
    let rule = RecordLine.Rule(try Self.decision("\nblock-ip = 1.2.3.4\n", for: packet))
    #expect((rule.file, rule.line, rule.kind) == ("/etc/test.conf", 2, "configuration"))
    #expect(rule.remedy(for: Attempt(packet)) == .warning("/etc/test.conf:2 closes it: change that line"))
  }

  @Test func parentsAreLimited() throws {
    let parents = (0..<1000).map { RefusedPacket.Program(process: $0, name: "sh") }
    let sender = RecordLine.Sender(.process(parents[0], parents: parents))
    guard case .process(_, let told) = sender else { return #expect(Bool(false)) }
    #expect(told.count == 16)
    var line = RecordLine(.refused, time: Self.time, jail: 1)
    line.process = sender
    #expect(line.lineage == "sh (pid 0) < sh < sh < sh < sh < ...")
  }

  /// One line each, with nothing in it that a terminal acts on; and no name is a colour.
  @Test(arguments: [false, true]) func shown(_ isColoured: Bool) throws {
    for line in try Self.full() {
      for text in [line.sentence, LogText(coloured: isColoured).text(line)] {
        let plain = text.replacing(/\u{1b}\[\d+m/, with: "")
        #expect(
          !plain.unicodeScalars.contains {
            $0.value < 0x20 || (0x7f...0x9f).contains($0.value) || $0 == "\u{202e}"
          })
      }
    }
  }

  @Test func showsWhatToWrite() throws {
    let text = LogText(coloured: false).text(
      try Self.refused(Self.packet(), count: 3, name: "db.example.org"))
    #expect(
      text
        == "2026-11-21T19:28:40Z  4711     refused  10.1.2.3:443/tcp (db.example.org)  psql (pid 123) < sh < psql, 3 times  private (RFC 1918);  to allow it: allow-ip = 10.1.2.3:443/tcp"
    )
  }

  @Test(arguments: [
    "{}", "[]", "", "{\"version\":1}", #"{"version":1,"time":"x","jail":1,"event":"other"}"#,
    #"{"version":1,"time":1,"jail":1,"event":"ended"}"#,
    #"{"version":1,"time":"x","jail":1,"event":"refused","process":{}}"#,
  ])
  func isNoLine(_ text: String) {
    #expect((try? JSONDecoder().decode(RecordLine.self, from: Data(text.utf8))) == nil)
  }
}

@Suite struct RecordNameTests {
  @Test func roundTrip() throws {
    let name = RecordName(start: RecordLineTests.time, jail: 4711, random: 0x9f3a1)
    #expect("\(name)" == "2026-11-21T192840Z-4711-0009f3a1.1.jsonl")
    #expect(RecordName("\(name)") == name)
    #expect(RecordName("\(name.numbered(12))") == name.numbered(12))
    #expect(name.numbered(2) < name.numbered(10))
  }

  @Test(arguments: [
    "", "x.1.jsonl", "2026-11-21T192840Z-4711-0009f3a1.jsonl", "2026-11-21T192840Z-4711-0009f3a1.0.jsonl",
    "2026-11-21T192840Z-4711-0009f3a1.01.jsonl", "2026-11-21T192840Z-4711-0009f3a1.+1.jsonl",
    "2026-11-21T192840Z-4711-0009f3a1.1.jsonl.1", "2026-11-21T192840Z-4711-0009F3A1.1.jsonl",
    "2026-11-21T192840Z--0009f3a1.1.jsonl", "2026-11-21T192840Z-4711-0009f3a1.-1.jsonl",
    "2026-11-21T19284\u{1b}Z-4711-0009f3a1.1.jsonl", "../6-11-21T192840Z-4711-0009f3a1.1.jsonl",
    "2026-11-21T192840Z-47/1-0009f3a1.1.jsonl", "2026-11-21T192840Z-4711-0009f3a1.1.JSONL",
  ])
  func isNone(_ text: String) { #expect(RecordName(text) == nil) }
}
