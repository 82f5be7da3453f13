import Inspection
import Testing

/// What an upgrade becomes is told by the answer to it, and by nothing that looks like one.
struct AnswerTests {
  private static let host = "Host: example.org\r\n"
  private static let get = jail("GET / HTTP/1.1\r\n\(host)\r\n")
  private static let head = jail("HEAD / HTTP/1.1\r\n\(host)\r\n")
  private static let webSocket = upgrade("websocket")
  private static let h2c = upgrade("h2c")
  private static let accepted = peer(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
  private static let empty = peer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
  private static let frame: Script.Turn = (.jail, [0x81, 0x85, 1, 2, 3, 4, 0, 0, 0, 0, 0])
  private static let elsewhere = jail("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
  private static let otherHost = Connection.Verdict.refused(.otherHost, name: "example.com")

  private static func upgrade(_ protocols: String) -> Script.Turn {
    jail("GET / HTTP/1.1\r\n\(host)Connection: Upgrade\r\nUpgrade: \(protocols)\r\n\r\n")
  }

  private static func ok(_ fields: String, _ body: String = "") -> Script.Turn {
    peer("HTTP/1.1 200 OK\r\n\(fields)\r\n\(body)")
  }

  static let webSockets: [Script] = [
    Script("begins", [webSocket, accepted, frame], .passed(isDone: true)),
    Script("frames go on", [webSocket, accepted, frame, elsewhere], .passed(isDone: true)),
    Script(
      "server's frames", [webSocket, accepted, peer("\u{1}HTTP/1.1 101\r\n\r\n"), frame],
      .passed(isDone: true)),
    Script("frame before the answer is held", [webSocket, frame], .waits(11)),
    Script("and passes behind it", [webSocket, frame, accepted], .passed(isDone: true)),
    Script("empty ping", [webSocket, accepted, (.jail, [0x89, 0x80, 1, 2, 3, 4])], .passed(isDone: true)),
    Script(
      "compressed", [webSocket, accepted, (.jail, [0xc1, 0x81, 1, 2, 3, 4, 5])], .passed(isDone: true)),
    Script("other case", [upgrade("WebSocket"), accepted, frame], .passed(isDone: true)),
    Script(
      "after other requests", [get, empty, head, empty, webSocket, accepted, frame], .passed(isDone: true)),
    Script(
      "early hints", [webSocket, peer("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"), accepted, frame],
      .passed(isDone: true)),
    Script("request in place of a frame", [webSocket, accepted, elsewhere], .refused(.tunnel)),
    Script("frame without a mask", [webSocket, accepted, (.jail, [0x81, 0x05, 1])], .refused(.tunnel)),
    Script("unknown frame", [webSocket, accepted, (.jail, [0x83, 0x85])], .refused(.tunnel)),
    Script("no frame yet", [webSocket, accepted, (.jail, [0x81])], .waits(1)),
    Script("declined", [webSocket, empty, get], .passed(isDone: false)),
    Script("declined, then elsewhere", [webSocket, empty, elsewhere], otherHost),
    Script("elsewhere is held", [webSocket, elsewhere], .waits(37)),
    Script(
      "with a body",
      [
        jail("POST / HTTP/1.1\r\n\(host)Upgrade: websocket\r\nContent-Length: 2\r\n\r\nab"), accepted, frame,
      ], .passed(isDone: true)),
  ]

  @Test(arguments: webSockets) func webSocketIsKnown(_ script: Script) { check(script) }

  static let tunnels: [(String, [Script.Turn])] = [
    ("h2c", [h2c, peer("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")]),
    ("h2c that says WebSocket", [h2c, accepted]),
    ("a choice", [upgrade("websocket, h2c"), accepted]),
    ("two fields", [jail("GET / HTTP/1.1\r\n\(host)Upgrade: websocket\r\nUpgrade: h2c\r\n\r\n"), accepted]),
    ("TLS", [upgrade("TLS/1.2"), peer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.2\r\n\r\n")]),
    (
      "WebSocket that says h2c",
      [webSocket, peer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n")]
    ),
    ("WebSocket that says nothing", [webSocket, peer("HTTP/1.1 101 Switching Protocols\r\n\r\n")]),
    ("nothing was asked for", [get, accepted]),
    ("answer to an earlier request", [get, webSocket, accepted]),
  ]

  @Test(arguments: tunnels) func otherUpgradeEnds(title: String, turns: [Script.Turn]) {
    check(Script(title, turns, .refused(.tunnel)))
  }

  @Test func h2cThatIsNotTakenUpIsFine() {
    check(
      Script(
        "Java", [h2c, Self.ok("Content-Length: 2\r\n", "ab"), Self.h2c, Self.empty, Self.get],
        .passed(isDone: false)))
    check(Script("until the end", [Self.h2c, Self.ok("", "a body"), Self.get], .passed(isDone: false)))
    check(Script("not answered", [Self.h2c, Self.get], .waits(37)))
  }

  private var h2c: Script.Turn { Self.h2c }

  /// A body that looks like an answer.
  private static let echo = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
  private static let echoLength = "Content-Length: \(echo.utf8.count)\r\n"

  static let forgeries: [(String, [Script.Turn], Connection.Verdict)] = [
    ("counted", [webSocket, ok(echoLength, echo), elsewhere], otherHost),
    (
      "chunked", [webSocket, ok("Transfer-Encoding: chunked\r\n", "4\r\nHTTP\r\n0\r\n\r\n"), elsewhere],
      otherHost
    ),
    ("in a chunk", [webSocket, ok("Transfer-Encoding: chunked\r\n", "41\r\n\(echo)"), elsewhere], otherHost),
    (
      "in an earlier chunk",
      [get, ok("Transfer-Encoding: chunked\r\n", "41\r\n\(echo)"), webSocket, elsewhere], .waits(37)
    ),
    ("until the end", [webSocket, ok("", echo), elsewhere], otherHost),
    ("in an earlier body", [get, ok(echoLength, echo), webSocket, elsewhere], .waits(37)),
    ("behind HEAD", [head, ok(echoLength), webSocket, elsewhere], .waits(37)),
    (
      "behind 304", [get, peer("HTTP/1.1 304 Not Modified\r\n\(echoLength)\r\n"), webSocket, elsewhere],
      .waits(37)
    ),
    (
      "behind 204", [get, peer("HTTP/1.1 204 No Content\r\n\(echoLength)\r\n"), webSocket, elsewhere],
      .waits(37)
    ),
    ("two lengths", [webSocket, ok("Content-Length: 0\r\n" + echoLength, echo), frame], .refused(.tunnel)),
    (
      "length and encoding", [webSocket, ok("Transfer-Encoding: chunked\r\n" + echoLength, echo), frame],
      .refused(.tunnel)
    ),
    ("reason with a line feed", [webSocket, peer("HTTP/1.1 200 a\n\(echo)"), frame], .refused(.tunnel)),
    (
      "long head", [webSocket, ok("X: \(String(repeating: "x", count: 70000))\r\n"), accepted, frame],
      .refused(.tunnel)
    ),
    ("not asked for", [peer("HTTP/1.1 408 Timeout\r\n\r\n"), webSocket], .refused(.tunnel)),
    ("no status", [get, peer("ICY 200 OK\r\n\r\n"), webSocket], .refused(.tunnel)),
  ]

  @Test(arguments: forgeries) func bodyIsNoAnswer(
    title: String, turns: [Script.Turn], verdict: Connection.Verdict
  ) {
    check(Script(title, turns, verdict))
  }

  @Test func lostAnswersMatterForUpgradesOnly() {
    let turns = [Self.get, Self.ok("", "a body"), Self.get, Self.get]
    check(Script("requests", turns, .passed(isDone: false)))
    check(Script("WebSocket", turns + [Self.webSocket], .refused(.tunnel)))
    check(Script("h2c", turns + [Self.h2c], .refused(.tunnel)))
    check(Script("elsewhere", turns + [Self.elsewhere], Self.otherHost))
  }

  @Test func requestsWithoutAnAnswerAreCounted() {
    let many = [Script.Turn](repeating: Self.get, count: 65)
    check(Script("65", many, .waits(Self.get.bytes.count)))
    check(Script("one answer", many + [Self.empty], .passed(isDone: false)))
    check(Script("one answer", many + [Self.empty, Self.empty, Self.elsewhere], Self.otherHost))
    let heads = [Script.Turn](repeating: Self.head, count: 64)
    let answers = [Script.Turn](repeating: Self.ok("Content-Length: 9\r\n"), count: 64)
    check(
      Script("heads", heads + answers + [Self.webSocket, Self.accepted, Self.frame], .passed(isDone: true)))
  }
}
