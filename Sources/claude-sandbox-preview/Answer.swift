import NIOCore
import NIOHTTP1

/// An answer of this program itself.
struct Answer: Error, Equatable {
  let status: HTTPResponseStatus
  var headers: [(name: String, value: String)] = []
  var body: String

  /// One plain line.
  static func refusal(_ status: HTTPResponseStatus, _ line: String) -> Answer {
    Answer(status: status, headers: [("Content-Type", "text/plain; charset=utf-8")], body: line + "\n")
  }

  static func == (first: Answer, second: Answer) -> Bool {
    first.status == second.status && first.body == second.body
  }

  /// No other site may show it, keep it, or read it.
  private static let common: [(String, String)] = [
    ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"), ("X-Frame-Options", "DENY"),
  ]

  /// The head, for a connection that ends with this answer unless `keepsAlive`.
  func head(version: HTTPVersion, keepsAlive: Bool) -> HTTPResponseHead {
    var head = HTTPResponseHead(version: version, status: status, headers: HTTPHeaders(headers + Self.common))
    head.headers.add(name: "Content-Length", value: "\(body.utf8.count)")
    if !keepsAlive { head.headers.add(name: "Connection", value: "close") }
    return head
  }
}
