import Inspection
import Testing

/// ClientHellos as RFC 8446 and RFC 6066 have them, and as they do not.
struct HelloTests {
  private static let passes = Connection.Verdict.passed(isDone: false)

  private static func other(_ name: String) -> Connection.Verdict { .refused(.otherServerName, name: name) }

  private static let long = Hello(others: Hello.extension(21, [UInt8](repeating: 0, count: 60000)))
  private static let postQuantum = Hello(
    others: Hello.extension(
      51, Hello.vector(Hello.number(0x11ec, 2) + Hello.vector([UInt8](repeating: 5, count: 1216), 2), 2))
      + Hello.extension(0xfe0d, [UInt8](repeating: 6, count: 250)) + Hello.extension(0x0a0a, []))

  static let hellos: [(String, [UInt8], Connection.Verdict)] = [
    ("plain", Hello().record, passes),
    ("other case", Hello(names: ["Example.ORG"]).record, passes),
    ("no session", Hello(session: []).record, passes),
    ("several records", Hello().records(of: 40), passes),
    ("records of one byte", Hello().records(of: 1), passes),
    ("post-quantum, ECH and GREASE", postQuantum.record, passes),
    ("post-quantum in records", postQuantum.records(of: 512), passes),
    ("60000 bytes", long.records(of: 1 << 14), passes),
    ("record version 3.4", Hello.record(Hello().message, version: [3, 4]), passes),
    ("other name", Hello(names: ["example.com"]).record, other("example.com")),
    ("name below", Hello(names: ["a.example.org"]).record, other("a.example.org")),
    ("name beside", Hello(names: ["notexample.org"]).record, other("notexample.org")),
    ("address", Hello(names: ["192.0.2.1"]).record, other("192.0.2.1")),
    ("trailing dot", Hello(names: ["example.org."]).record, other("example.org.")),
    ("NUL behind the name", Hello(names: ["example.org\0"]).record, other("example.org\0")),
    (
      "NUL in the name", Hello(names: ["example.org\0.example.com"]).record,
      other("example.org\0.example.com")
    ),
    ("space", Hello(names: ["example.org "]).record, other("example.org ")),
    ("empty name", Hello(names: [""]).record, other("")),
    ("several records, other name", Hello(names: ["example.com"]).records(of: 3), other("example.com")),
    ("two names", Hello(names: ["example.org", "example.org"]).record, .refused(.ambiguous)),
    (
      "two extensions",
      Hello(serverNames: [Hello.serverName(["example.org"]), Hello.serverName(["example.org"])]).record,
      .refused(.ambiguous)
    ),
    (
      "other kind of name", Hello(serverNames: [Hello.extension(0, [0, 4, 1, 0, 1, 97])]).record,
      .refused(.ambiguous)
    ),
    ("empty extension", Hello(serverNames: [Hello.extension(0, [])]).record, .refused(.ambiguous)),
    ("empty list", Hello(serverNames: [Hello.extension(0, [0, 0])]).record, .refused(.ambiguous)),
    (
      "bytes behind the list", Hello(serverNames: [Hello.extension(0, [0, 4, 0, 0, 1, 97, 0])]).record,
      .refused(.ambiguous)
    ),
    (
      "bytes in the list", Hello(serverNames: [Hello.extension(0, [0, 5, 0, 0, 1, 97, 0])]).record,
      .refused(.ambiguous)
    ),
    (
      "list too long", Hello(serverNames: [Hello.extension(0, [0, 9, 0, 0, 1, 97])]).record,
      .refused(.ambiguous)
    ),
    (
      "name too long", Hello(serverNames: [Hello.extension(0, [0, 4, 0, 0, 9, 97])]).record,
      .refused(.ambiguous)
    ),
    (
      "extension too long", Hello(serverNames: [[0, 0, 0, 9, 0, 4, 0, 0, 1, 97]]).record, .refused(.ambiguous)
    ),
    ("half an extension", Hello(others: [0, 43, 0]).record, .refused(.ambiguous)),
    ("bytes behind the extensions", Hello(behind: [0]).record, .refused(.ambiguous)),
    (
      "extensions behind their end", Hello(behind: Hello.serverName(["example.com"])).record,
      .refused(.ambiguous)
    ),
    ("half a length of extensions", Hello(hasExtensions: false, behind: [0]).record, .refused(.ambiguous)),
    ("session too long", Hello(session: [UInt8](repeating: 7, count: 33)).record, .refused(.ambiguous)),
    ("odd suites", Hello(suites: [1, 2, 3]).record, .refused(.ambiguous)),
    ("no suites", Hello(suites: []).record, .refused(.ambiguous)),
    ("no compression", Hello(compressions: []).record, .refused(.ambiguous)),
    ("nothing in it", Hello.record([1, 0, 0, 0]), .refused(.ambiguous)),
    ("cut", Hello.record([1, 0, 0, 9] + Hello().body.prefix(9)), .refused(.ambiguous)),
    ("other message", Hello.record([2] + Hello().message.dropFirst()), .refused(.ambiguous)),
    ("message behind it", Hello.record(Hello().message + [1]), .refused(.ambiguous)),
    ("two in one record", Hello.record(Hello().message + Hello().message), .refused(.ambiguous)),
    ("empty record", Hello.record([]) + Hello().record, .refused(.ambiguous)),
    (
      "empty record between",
      Hello.record([1]) + Hello.record([]) + Hello.record(Array(Hello().message.dropFirst())),
      .refused(.ambiguous)
    ),
    (
      "alert between",
      Hello.record([1]) + Hello.record([1, 90], type: 21) + Hello.record(Array(Hello().message.dropFirst())),
      .refused(.ambiguous)
    ),
    (
      "other version between",
      Hello.record([1]) + Hello.record(Array(Hello().message.dropFirst()), version: [2, 1]),
      .refused(.ambiguous)
    ),
    ("alert before", Hello.record([1, 90], type: 21) + Hello().record, .refused(.ambiguous)),
    ("change of cipher before", Hello.record([1], type: 20) + Hello().record, .refused(.ambiguous)),
    ("empty change of cipher before", Hello.record([], type: 20) + Hello().record, .refused(.ambiguous)),
    ("empty alert before", Hello.record([], type: 21) + Hello().record, .refused(.ambiguous)),
    ("empty data before", Hello.record([], type: 23) + Hello().record, .refused(.ambiguous)),
    ("record version 1.1", Hello.record(Hello().message, version: [1, 1]), .refused(.ambiguous)),
    ("record too long", [22, 3, 1, 0x40, 1, 1], .refused(.ambiguous)),
    ("message too long", Hello.record([1, 1, 0, 0]), .refused(.incomplete)),
    (
      "too many records", Array([[UInt8]](repeating: Hello.record([1]), count: 12000).joined()),
      .refused(.incomplete)
    ),
    ("message cut", Array(Hello().record.dropLast()), .waits(Hello().record.count - 1)),
    ("record cut", Array(Hello().records(of: 50).prefix(58)), .waits(58)),
  ]

  @Test(arguments: hellos, [80, 443, 8883] as [UInt16])
  func helloIsJudged(hello: (String, [UInt8], Connection.Verdict), port: UInt16) {
    check(Script(hello.0, [(.jail, hello.1)], port: port, hello.2))
  }

  @Test func helloInSmallRecordsIsBounded() {
    let records = Array(long.records(of: 20).prefix(1 << 17))
    check(Script("64 KiB", [(.jail, records)], port: 443, .refused(.incomplete)))
  }

  private var long: Hello { Self.long }

  @Test func nameIsNeededOnPort443() {
    let old: [UInt8] = [0x80, 0x2e, 1, 3, 1] + [UInt8](repeating: 0, count: 43)
    for hello in [Hello(names: []).record, Hello(hasExtensions: false).record] {
      check(Script("none", [(.jail, hello)], port: 443, .refused(.noServerName)))
      check(Script("none", [(.jail, hello)], port: 6379, Self.passes))
    }
    check(Script("SSL 2", [(.jail, old)], port: 443, .refused(.noServerName)))
    check(Script("SSL 2", [(.jail, old)], port: 6379, .passed(isDone: true)))
    check(Script("SSL 2", [(.jail, old)], port: 80, .refused(.notHTTP)))
  }

  static let serverHello = Hello.record([2, 0, 0, 72, 3, 3] + [UInt8](repeating: 8, count: 70))
  static let retry = Hello.record(
    [2, 0, 0, 72, 3, 3] + [
      0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
      0xa2, 0x11,
      0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
    ] + [UInt8](repeating: 8, count: 38))
  private static let warning = Hello.record([1, 112], type: 21)
  private static let change = Hello.record([1], type: 20)
  private static let early = Hello.record([UInt8](repeating: 3, count: 100), type: 23)
  private static let second = Hello(names: ["example.com"]).record

  static let answers: [(String, [Script.Turn], Connection.Verdict)] = [
    ("taken", [(.peer, serverHello), (.jail, second)], .passed(isDone: true)),
    ("warning, then taken", [(.peer, warning + serverHello), (.jail, second)], .passed(isDone: true)),
    ("no TLS", [peer("HTTP/1.1 400 Bad Request\r\n\r\n")], .passed(isDone: false)),
    (
      "no TLS, then HTTP", [peer("HTTP/1.1 400 Bad Request\r\n\r\n"), jail("GET / HTTP/1.1\r\n\r\n")],
      .refused(.ambiguous)
    ),
    ("early data passes", [(.jail, change + early + early)], .passed(isDone: false)),
    ("alert passes", [(.jail, warning)], .passed(isDone: false)),
    ("handshake is held", [(.jail, change + second)], .waits(second.count)),
    ("held until the answer", [(.jail, second), (.peer, serverHello)], .passed(isDone: true)),
    ("other record", [(.jail, Hello.record([1], type: 24))], .refused(.ambiguous)),
    ("no record", [jail("GET / HTTP/1.1\r\n\r\n")], .refused(.ambiguous)),
    ("again", [(.peer, retry), (.jail, change + Hello().record)], .passed(isDone: true)),
    (
      "again, behind early data", [(.jail, early), (.peer, retry), (.jail, early + change + Hello().record)],
      .passed(isDone: true)
    ),
    ("again, in records", [(.peer, retry), (.jail, Hello().records(of: 9))], .passed(isDone: true)),
    ("again, for another", [(.peer, retry), (.jail, change + second)], other("example.com")),
    ("again, for another, too early", [(.jail, change + second), (.peer, retry)], other("example.com")),
    ("again, for none", [(.peer, retry), (.jail, Hello(names: []).record)], .refused(.noServerName)),
    ("again, behind a warning", [(.peer, warning + retry), (.jail, second)], other("example.com")),
    (
      "again, and the rest", [(.peer, retry + serverHello), (.jail, Hello().record + early)],
      .passed(isDone: true)
    ),
  ]

  @Test(arguments: answers) func answerIsAwaited(
    title: String, turns: [Script.Turn], verdict: Connection.Verdict
  ) {
    check(Script(title, [(.jail, Hello().record)] + turns, port: 443, verdict))
  }
}
