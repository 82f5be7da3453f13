import NIOHTTP1
import Testing

@testable import claude_sandbox_preview

struct RequestCheckTests {
  private static let preview = "5173.shop.localhost:8090"
  private let check = RequestCheck(port: 8090, isOwn: true)

  private func head(
    _ method: HTTPMethod = .GET, _ uri: String = "/", host: String? = preview,
    version: HTTPVersion = .http1_1,
    _ headers: KeyValuePairs<String, String> = [:]
  ) -> HTTPRequestHead {
    let hosts = host.map { [("Host", $0)] } ?? []
    return HTTPRequestHead(
      version: version, method: method, uri: uri, headers: HTTPHeaders(hosts + headers.map { ($0, $1) }))
  }

  private func status(_ head: HTTPRequestHead, first: String? = nil, by check: RequestCheck? = nil) -> UInt? {
    var host = first
    do throws(Answer) {
      _ = try (check ?? self.check).route(head, host: &host)
      return nil
    } catch {
      return error.status.code
    }
  }

  @Test func aRequestIsForAPreview() throws {
    var host: String?
    #expect(
      try check.route(head(.PUT, "/a?b={c}|d"), host: &host)
        == .preview(PreviewAddress(port: 5173, label: "shop")))
    #expect(host == Self.preview)
  }

  @Test func anotherUserGetsNothing() {
    #expect(status(head(), by: RequestCheck(port: 8090, isOwn: false)) == 403)
    #expect(status(head(host: "localhost:8090"), by: RequestCheck(port: 8090, isOwn: false)) == 403)
  }

  @Test func whatCouldBeReadInTwoWaysIsRefused() {
    #expect(status(head(host: nil)) == 400)
    #expect(status(head(host: "5173.\u{212A}.localhost:8090")) == 400)
    #expect(status(head(["Host": Self.preview])) == 400)
    #expect(status(head(.GET, "http://\(Self.preview)/")) == 400)
    #expect(status(head(.CONNECT, Self.preview)) == 400)
    #expect(status(head(.CONNECT, "/")) == 400)
    #expect(status(head(.OPTIONS, "*")) == 400)
    #expect(status(head(.GET, "/\u{e9}")) == 400)
    #expect(status(head(["Content-Length": "1", "Transfer-Encoding": "chunked"])) == 400)
    #expect(status(head(["Content-Length": "1", "content-length": "1"])) == 400)
    #expect(status(head(["Content-Length": "-1"])) == 400)
    #expect(status(head(["Transfer-Encoding": "gzip, chunked"])) == 400)
    #expect(status(head(["Transfer-Encoding": "chunked", "transfer-encoding": "chunked"])) == 400)
    #expect(status(head(version: .http1_0, ["Transfer-Encoding": "chunked"])) == 400)
    #expect(status(head(["X": "a\r\n"])) == 400)
    #expect(status(head(["X": "a\0"])) == 400)
    #expect(status(head(["X": "a\tb", "Content-Length": "1"])) == nil)
    #expect(status(head(["Transfer-Encoding": "Chunked"])) == nil)
  }

  @Test func oneConnectionIsForOneHost() {
    #expect(status(head(), first: "5174.shop.localhost:8090") == 421)
    #expect(status(head(), first: Self.preview) == nil)
    #expect(status(head(host: Self.preview.uppercased()), first: Self.preview) == nil)
  }

  @Test func anotherHostGetsNothing() {
    #expect(status(head(host: "evil.example:8090")) == 421)
    #expect(status(head(host: "evil.example")) == 421)
  }

  @Test func aPersonIsLedToTheList() throws {
    var host: String?
    let answer = try #require(throws: Answer.self) {
      try check.route(head(host: "shop.localhost:8090", ["Accept": "text/html,*/*"]), host: &host)
    }
    #expect(answer.status == .found)
    #expect(answer.headers.contains { $0 == ("Location", "http://localhost:8090/") })
    #expect(status(head(host: "shop.localhost:8090")) == 404)
  }

  @Test(
    arguments: [
      (["Sec-Fetch-Site": "same-origin"], nil), (["Sec-Fetch-Site": "same-site"], nil),
      (["Sec-Fetch-Site": "none"], nil), (["Sec-Fetch-Site": "cross-site"], 403),
      (["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"], 403),
      (["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "websocket"], 403),
      (["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"], nil),
      (["Sec-Fetch-Site": "what"], 403),
      (["Origin": "http://5173.shop.localhost:8090"], nil),
      (["Origin": "http://8000.shop.localhost:8090"], nil),
      (["Origin": "http://5173.other.localhost:8090"], 403), (["Origin": "http://localhost:8090"], 403),
      (["Origin": "https://5173.shop.localhost:8090"], 403), (["Origin": "null"], 403),
      (["Origin": "http://evil.example"], 403),
      (["Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"], 403),
    ] as [([String: String], UInt?)])
  func otherSitesOnlyLeadHere(headers: [String: String], expected: UInt?) {
    var head = head()
    for (name, value) in headers { head.headers.add(name: name, value: value) }
    #expect(status(head) == expected)
  }

  @Test func aFormOfAnotherSiteIsRefused() {
    #expect(status(head(.POST, ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"])) == 403)
  }

  @Test func theListIsForNobodyElse() throws {
    func list(_ uri: String, _ headers: KeyValuePairs<String, String> = [:]) -> UInt? {
      status(head(.GET, uri, host: "localhost:8090", headers))
    }
    var host: String?
    #expect(
      try check.route(head(.GET, "/?wanted=1.shop", host: "localhost:8090"), host: &host)
        == .page(wanted: PreviewAddress(port: 1, label: "shop")))
    #expect(
      try check.route(head(.GET, "/?wanted=%3Cb%3E", host: "localhost:8090"), host: &host)
        == .page(wanted: nil))
    for uri in ["/", "/events"] {
      #expect(list(uri) == nil)
      #expect(list(uri, ["Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:8090"]) == nil)
      #expect(list(uri, ["Sec-Fetch-Site": "same-site"]) == 403)
      #expect(list(uri, ["Sec-Fetch-Site": "cross-site"]) == 403)
      for origin in ["null", "http://localhost:8091", "https://localhost:8090", "http://127.0.0.1:8090", ""] {
        #expect(list(uri, ["Origin": origin]) == 403)
      }
      #expect(status(head(.POST, uri, host: "localhost:8090")) == 405)
    }
    #expect(list("/", ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"]) == nil)
    #expect(list("/events", ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"]) == 403)
    #expect(list("/other") == 404)
  }

  private func head(_ headers: KeyValuePairs<String, String>) -> HTTPRequestHead { head(.GET, "/", headers) }
  private func head(_ method: HTTPMethod, _ headers: KeyValuePairs<String, String>) -> HTTPRequestHead {
    head(method, "/", headers)
  }
}
