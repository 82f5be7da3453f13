import Inspection
import Testing

/// Requests as RFC 9112 has them, and as it does not.
struct RequestTests {
  private static let get = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"

  private static func get(_ fields: String, target: String = "/", version: String = "1.1") -> String {
    "GET \(target) HTTP/\(version)\r\n\(fields)\r\n"
  }

  private static func post(_ fields: String, _ body: String = "") -> String {
    "POST / HTTP/1.1\r\nHost: example.org\r\n\(fields)\r\n\(body)"
  }

  static let accepted: [(String, String)] = [
    ("plain", get),
    ("version 1.0", get("Host: example.org\r\n", version: "1.0")),
    ("other case", get("hOST: EXAMPLE.org\r\n")),
    ("white space around the value", get("Host: \t example.org \t\r\n")),
    ("no white space", get("Host:example.org\r\n")),
    ("own port", get("Host: example.org:80\r\n")),
    ("absolute form", get("Host: example.org\r\n", target: "http://example.org/a")),
    ("absolute form, other case", get("Host: example.org\r\n", target: "HTTPS://Example.Org:80?a")),
    ("absolute form, nothing behind it", get("Host: example.org\r\n", target: "http://example.org")),
    ("two slashes are a path", get("Host: example.org\r\n", target: "//example.com/")),
    ("UTF-8 in a path and a value", get("Host: example.org\r\nX: \u{e4}\r\n", target: "/\u{e4}")),
    ("empty value", get("Host: example.org\r\nX:\r\n")),
    ("options of the server", "OPTIONS * HTTP/1.1\r\nHost: example.org\r\n\r\n"),
    ("unknown method", "M-SEARCH!1 / HTTP/1.1\r\nHost: example.org\r\n\r\n"),
    ("pipelined", get + get + get),
    ("counted body, and another request", post("Content-Length: 5\r\n", "a\r\n\0b") + get),
    ("empty body", post("Content-Length: 0\r\n") + get),
    ("expects 100", post("Expect: 100-continue\r\nContent-Length: 1\r\n", "a") + get),
    ("chunked", post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n") + get),
    ("chunk extensions", post("Transfer-Encoding: chunked\r\n", "1;a=b;c=\"d e\"\r\na\r\n0;x\r\n\r\n") + get),
    ("trailer", post("Transfer-Encoding: chunked\r\n", "0\r\nDigest: a\r\nX:\r\n\r\n") + get),
    ("forwarding is the server's matter", get("Host: example.org\r\nX-Forwarded-Host: example.com\r\n")),
    ("h2c offered", get("Host: example.org\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n")),
    ("longest head", get("Host: example.org\r\nX: \(String(repeating: "x", count: 65494))\r\n")),
  ]

  @Test(arguments: accepted.map { Script($0, $1, .passed(isDone: false)) })
  func isPassed(_ script: Script) { check(script) }

  /// On another port, they are the same.
  @Test(arguments: accepted) func isPassedOnAnotherPort(title: String, text: String) {
    let other = text.split(separator: ":80", omittingEmptySubsequences: false).joined(separator: ":8080")
    check(Script(title, other, port: 8080, .passed(isDone: false)))
  }

  static let refused: [(String, String, Connection.Verdict)] = [
    ("other host", get("Host: example.com\r\n"), .refused(.otherHost, name: "example.com")),
    ("host below", get("Host: a.example.org\r\n"), .refused(.otherHost, name: "a.example.org")),
    ("host beside", get("Host: notexample.org\r\n"), .refused(.otherHost, name: "notexample.org")),
    ("trailing dot", get("Host: example.org.\r\n"), .refused(.otherHost, name: "example.org.")),
    ("address", get("Host: 192.0.2.1\r\n"), .refused(.otherHost, name: "192.0.2.1")),
    ("other port", get("Host: example.org:443\r\n"), .refused(.otherHost, name: "example.org:443")),
    ("no port behind a colon", get("Host: example.org:\r\n"), .refused(.otherHost, name: "example.org:")),
    (
      "zeros before the port", get("Host: example.org:080\r\n"), .refused(.otherHost, name: "example.org:080")
    ),
    ("user", get("Host: a@example.org\r\n"), .refused(.otherHost, name: "a@example.org")),
    (
      "two in one", get("Host: example.org, example.org\r\n"),
      .refused(.otherHost, name: "example.org, example.org")
    ),
    ("no host", get(""), .refused(.otherHost)),
    ("no host, version 1.0", get("", version: "1.0"), .refused(.otherHost)),
    ("empty host", get("Host:\r\n"), .refused(.otherHost)),
    ("host twice", get("Host: example.org\r\nHost: example.org\r\n"), .refused(.ambiguous)),
    ("second request", get + get("Host: example.com\r\n"), .refused(.otherHost, name: "example.com")),
    (
      "behind a counted body", post("Content-Length: 2\r\n", "ab") + get("Host: b\r\n"),
      .refused(.otherHost, name: "b")
    ),
    (
      "behind chunks", post("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n") + get("Host: b\r\n"),
      .refused(.otherHost, name: "b")
    ),
    (
      "absolute form for another", get("Host: example.org\r\n", target: "http://example.com/"),
      .refused(.otherHost, name: "example.com")
    ),
    (
      "absolute form, host of another", get("Host: example.com\r\n", target: "http://example.org/"),
      .refused(.otherHost, name: "example.com")
    ),
    ("absolute form, no host", get("", target: "http://example.org/"), .refused(.otherHost)),
    (
      "user in absolute form", get("Host: example.org\r\n", target: "http://example.org@example.com/"),
      .refused(.otherHost, name: "example.org@example.com")
    ),
    (
      "backslash in absolute form", get("Host: example.org\r\n", target: "http://example.com\\@example.org/"),
      .refused(.otherHost, name: "example.com\\@example.org")
    ),
    ("no authority", get("Host: example.org\r\n", target: "http:///"), .refused(.otherHost)),
    ("other scheme", get("Host: example.org\r\n", target: "ftp://example.org/"), .refused(.ambiguous)),
    ("one slash", get("Host: example.org\r\n", target: "http:/example.org/"), .refused(.ambiguous)),
    ("authority form", get("Host: example.org\r\n", target: "example.org:80"), .refused(.ambiguous)),
    ("star", get("Host: example.org\r\n", target: "*"), .refused(.ambiguous)),
    ("connect", "CONNECT example.org:80 HTTP/1.1\r\nHost: example.org\r\n\r\n", .refused(.tunnel)),
    ("connect in lower case", "connect / HTTP/1.1\r\nHost: example.org\r\n\r\n", .refused(.tunnel)),
    ("head in lower case", "Head / HTTP/1.1\r\nHost: example.org\r\n\r\n", .refused(.ambiguous)),
    ("head too long", get("X: \(String(repeating: "x", count: 70000))\r\n"), .refused(.incomplete)),
    ("line too long", "GET /\(String(repeating: "x", count: 70000))", .refused(.incomplete)),
    ("head without end", "GET / HTTP/1.1\r\nHost: example.org\r\n", .waits(35)),
  ]

  @Test(arguments: refused.map { Script($0, $1, $2) })
  func isRefused(_ script: Script) { check(script) }

  static let ambiguousFields: [(String, String)] =
    [
      ("folded", "Host: example.org\r\nX: a\r\n b\r\n"), ("folded host", "Host:\r\n example.org\r\n"),
      ("folded first", " Host: example.com\r\nHost: example.org\r\n"),
      ("space before the colon", "Host : example.com\r\nHost: example.org\r\n"),
      ("tab before the colon", "Host\t: example.com\r\nHost: example.org\r\n"),
      ("no colon", "Host: example.org\r\nHost\r\n"), ("no name", "Host: example.org\r\n: a\r\n"),
      ("name with NUL", "Host: example.org\r\nHost\0: example.com\r\n"),
      ("name with UTF-8", "Host: example.org\r\n\u{e4}: a\r\n"),
      ("NUL in a host", "Host: example.org\0.example.com\r\n"),
      ("control byte", "Host: example.org\r\nX: \u{1}\r\n"), ("DEL", "Host: example.org\r\nX: \u{7f}\r\n"),
      ("vertical tab", "Host: \u{b}example.org\r\n"),
      ("line feed alone", "Host: example.org\nX: a\r\n"),
      ("line feed in a value", "Host: example.org\r\nX: a\nHost: b\r\n"),
      ("carriage return alone", "Host: example.org\r\nX: a\rHost: b\r\n"),
      ("two carriage returns", "Host: example.org\r\r\n"),
      ("two lengths", "Host: example.org\r\nContent-Length: 0\r\nContent-Length: 0\r\n"),
      ("length and encoding", "Host: example.org\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n"),
      ("encoding and length", "Host: example.org\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
      ("two encodings", "Host: example.org\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      ("underscore in a length", "Host: example.org\r\nContent_Length: 0\r\n"),
      ("underscore in an encoding", "Host: example.org\r\nTransfer_Encoding: chunked\r\n"),
    ]
    + ["", "-0", "+1", "0x1", "1,1", "1 1", "01", "00", "1.0", "1e1", "9999999999999999999", "\u{661}"].map {
      ("length \($0)", "Host: example.org\r\nContent-Length: \($0)\r\n")
    }
    + [
      "", "identity", "Chunked", "xchunked", "chunked, chunked", "gzip, chunked", "chunked;q=1",
      "\"chunked\"", "chunked,",
    ].map {
      ("encoding \($0)", "Host: example.org\r\nTransfer-Encoding: \($0)\r\n")
    }

  @Test(arguments: ambiguousFields) func fieldIsAmbiguous(title: String, fields: String) {
    check(Script(title, Self.get(fields), .refused(.ambiguous)))
    check(Script("second, \(title)", Self.get + Self.get(fields), .refused(.ambiguous)))
  }

  @Test func chunksNeedVersion11() {
    let fields = "Host: example.org\r\nTransfer-Encoding: chunked\r\n"
    check(Script("1.0", Self.get(fields, version: "1.0"), .refused(.ambiguous)))
  }

  static let ambiguousChunks = [
    "\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1 \r\n", "1\t;a\r\n", "1\na", "1;a\n\r\n",
    "1;a\rb\r\n", "1;\0\r\n",
    ";\r\n", "1\r\nab\r\n", "1\r\na\n", "1\r\na\r0", "1\r\naa", "8000000000000000\r\n",
    "ffffffffffffffffffff\r\n",
    "1;\(String(repeating: "x", count: 4096))\r\n", "0\r\n\n", "0\r\nHost: example.org\r\n\r\n",
    "0\r\nContent-Length: 0\r\n\r\n",
    "0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\nUpgrade: h2c\r\n\r\n", "0\r\n a: b\r\n\r\n",
    "0\r\na\r\n\r\n", "0\r\na : b\r\n\r\n",
  ]

  @Test(arguments: ambiguousChunks) func chunkIsAmbiguous(chunks: String) {
    check(Script(chunks, Self.post("Transfer-Encoding: chunked\r\n", chunks), .refused(.ambiguous)))
  }

  /// What a front and a back may read as one request or two (RFC 9112 section 11.2).
  static let pairs: [(String, String)] = [
    ("length wins, or encoding", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"),
    ("encoding with a vertical tab", "Content-Length: 6\r\nTransfer-Encoding:\u{b}chunked\r\n"),
    ("encoding with a space before the colon", "Content-Length: 6\r\nTransfer-Encoding : chunked\r\n"),
    ("encoding in the next line", "Content-Length: 6\r\nTransfer-Encoding:\r\n chunked\r\n"),
    ("encoding behind a carriage return", "Content-Length: 6\r\nX: x\rTransfer-Encoding: chunked\r\n"),
    ("encoding behind a line feed", "Content-Length: 6\r\nX: x\nTransfer-Encoding: chunked\r\n"),
    ("unknown encoding", "Content-Length: 6\r\nTransfer-Encoding: xchunked\r\n"),
    ("two lengths", "Content-Length: 6\r\nContent-Length: 5\r\n"),
    ("length in a list", "Content-Length: 6, 5\r\n"),
    ("length with a sign", "Content-Length: +6\r\n"),
  ]

  @Test(arguments: pairs) func smugglingIsRefused(title: String, fields: String) {
    check(Script(title, Self.post(fields, "0\r\n\r\nG" + Self.get), .refused(.ambiguous)))
  }
}
