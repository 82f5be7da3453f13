import Inspection
import Testing

/// What a connection may begin with.
struct BeginningTests {
  private static let host = "Host: example.org\r\n\r\n"

  /// On port 80, nothing but HTTP/1 and TLS.
  static let odd = [
    "\r\n", "\n", " GET / HTTP/1.1\r\n", "\tGET / HTTP/1.1\r\n", "GET / HTTP/1.1\n", "GET /\r\n",
    "GET / \r\n", "GET\r\n", "GET\t/ HTTP/1.1\r\n",
    "GET  / HTTP/1.1\r\n", "GET /  HTTP/1.1\r\n", "GET / HTTP/1.1 \r\n", "GET / http/1.1\r\n",
    "GET / HTTP/1.2\r\n", "GET / HTTP/2.0\r\n",
    "GET / HTTP/0.9\r\n", "GET / HTTP/1.10\r\n", "GET / HTTP/01.1\r\n", "GET / HTTP/1\r\n",
    "GET / a HTTP/1.1\r\n", "GET /\0 HTTP/1.1\r\n",
    "GET /\u{b} HTTP/1.1\r\n", "GET /\r HTTP/1.1\r\n", "GET / HTTP/1.1\r\r\n", "GET http://example.com/\r\n",
    "PRI * HTTP/2.0\r\n\n",
  ]

  @Test(arguments: odd) func portEightyRefuses(line: String) {
    check(Script(line, line + Self.host, .refused(.notHTTP)))
  }

  /// On other ports, what a lenient server could take for HTTP/1.
  @Test(arguments: odd.dropFirst(2).map { ($0, "") } + odd.dropFirst(2).map { ("\r\n \n", $0) })
  func otherPortsRefuse(before: String, line: String) {
    check(Script(line, before + line + Self.host, port: 8080, .refused(.ambiguous)))
  }

  /// Python's http.server splits the line as Latin-1 text.
  @Test(arguments: [0x1c, 0x1d, 0x1e, 0x1f, 0x85, 0xa0] as [UInt8])
  func latinBlanksSeparateWords(blank: UInt8) {
    let rest = Array("HTTP/1.1\r\n\(Self.host)".utf8)
    for line in [Array("GET".utf8) + [blank, 0x2f, blank], [blank] + Array("GET / ".utf8)] {
      check(Script("\(blank)", [(.jail, line + rest)], port: 8080, .refused(.ambiguous)))
    }
  }

  static let others = [
    "SSH-2.0-OpenSSH_9.6\r\n", "*1\r\n$4\r\nPING\r\n", "PING\r\n", "set a 0 0 1\r\nb\r\n",
    "EHLO example.com\r\n", "a1 LOGIN a b\r\n",
    "\0\0\0\u{8}\u{4}\u{d2}\u{16}\u{2f}", "AMQP\0\0\u{9}\u{1}",
    "003agit-upload-pack /a.git\0host=example.com\0", "\u{10}\u{c}\0\u{4}MQTT",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{13}BitTorrent protocol", "\r\n\r\n\0", "{\"id\": 1}\n",
    "\u{15}\u{1}\0\0\u{7}\0\0\0",
  ]

  @Test(arguments: others, [22, 443, 8080] as [UInt16]) func otherProtocolPasses(bytes: String, port: UInt16)
  {
    let verdict = Connection.Verdict.passed(isDone: true)
    check(Script(bytes, bytes, port: port, verdict))
    check(Script("and more", bytes + "\r\nGET / HTTP/1.1\r\n", port: port, verdict))
  }

  @Test(arguments: others) func portEightyRefusesOtherProtocols(bytes: String) {
    check(Script(bytes, bytes + "\r\n", .refused(.notHTTP)))
  }

  @Test func whatMayBecomeHTTPIsHeld() {
    for bytes in [
      "G", "GET ", "GET / HTTP/1.1\r", "GET /\0", " ", "\r\n", "PRI * HTTP/2.0\r\n\r\nSM", "\u{16}",
      "\u{15}\u{3}\u{1}\0\u{2}",
    ] {
      check(Script(bytes, bytes, port: 8080, .waits(bytes.utf8.count)))
    }
  }

  @Test func serverThatSpeaksFirstIsLetThrough() {
    let banner = peer("220 example.org\r\n")
    let request = jail("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
    check(Script("25", [banner, request], port: 25, .passed(isDone: true)))
    check(Script("jail first", [jail("G"), banner], port: 25, .waits(1)))
    // Servers of HTTP and TLS never do.
    for port in [80, 443] as [UInt16] {
      check(Script("\(port)", [banner, request], port: port, .refused(.otherHost, name: "example.com")))
      check(Script("\(port)", [banner], port: port, .passed(isDone: false)))
    }
    let ssh = jail("SSH-2.0-a\r\n")
    check(Script("SSH on 443", [peer("SSH-2.0-b\r\n"), ssh], port: 443, .passed(isDone: true)))
  }

  @Test func everyNameIsServed() {
    var connection = Connection(["git.example.org", "git"])
    for name in ["git", "GIT.example.org"] {
      connection.take(Array("GET / HTTP/1.1\r\nHost: \(name)\r\n\r\n".utf8), from: .jail)
      #expect(connection.verdict == .passed(isDone: false))
    }
    var inspector = Inspector(names: [], port: 80)
    let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)[...]
    #expect(inspector.sent(bytes) == .refuse(.otherHost, name: Array("a".utf8)))
    // It stays refused.
    #expect(inspector.sent(bytes) == .refuse(.otherHost, name: Array("a".utf8)))
    #expect(inspector.received(bytes) == .refuse(.otherHost, name: Array("a".utf8)))
  }

  @Test func nameThatIsReportedIsShort() {
    let name = String(repeating: "a", count: 300)
    check(
      Script(
        "long", "GET / HTTP/1.1\r\nHost: \(name)\r\n\r\n",
        .refused(.otherHost, name: String(name.prefix(255)))))
  }
}
