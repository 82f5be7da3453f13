import NIOHTTP1
import Testing

@testable import claude_sandbox_preview

struct ForwardingTests {
  private func request(
    _ method: HTTPMethod = .GET, _ version: HTTPVersion = .http1_1, _ headers: HTTPHeaders = [:]
  ) -> HTTPRequestHead { HTTPRequestHead(version: version, method: method, uri: "/", headers: headers) }

  @Test func whatIsBetweenNeighboursStays() {
    let head = request(
      headers: [
        "Host": "5173.Shop.localhost:8090", "Connection": "keep-alive, content-length", "Keep-Alive": "1",
        "TE": "trailers", "Content-Length": "3", "Cookie": "a",
      ]
    ).forwarded
    #expect(head.headers == ["Host": "5173.Shop.localhost:8090", "Content-Length": "3", "Cookie": "a"])
  }

  @Test func theFramingIsWrittenAnew() {
    #expect(
      request(.POST, headers: ["Transfer-Encoding": "Chunked"]).forwarded.headers
        == ["Transfer-Encoding": "chunked"])
    #expect(request(headers: ["Connection": "close"]).forwarded.headers == ["Connection": "close"])
  }

  @Test func anUpgradePasses() {
    let headers: HTTPHeaders = ["Connection": "keep-alive, Upgrade", "Upgrade": "websocket"]
    #expect(
      request(headers: headers).forwarded.headers == ["Connection": "Upgrade", "Upgrade": "websocket"])
    var withBody = request(.POST, headers: headers)
    withBody.headers.add(name: "Content-Length", value: "1")
    #expect(withBody.forwarded.headers == ["Content-Length": "1"])
  }

  private func answer(
    _ status: HTTPResponseStatus, _ headers: HTTPHeaders, to request: HTTPRequestHead, closes: Bool = false
  ) -> HTTPHeaders? {
    HTTPResponseHead(version: .http1_1, status: status, headers: headers)
      .forwarded(answering: request, closes: closes)?.headers
  }

  @Test func anAnswerEndsByItself() {
    #expect(answer(.ok, [:], to: request()) == ["Transfer-Encoding": "chunked"])
    #expect(
      answer(.ok, ["Transfer-Encoding": "chunked", "Connection": "keep-alive"], to: request())
        == ["Transfer-Encoding": "chunked"])
    #expect(
      answer(.ok, ["Content-Length": "3"], to: request(), closes: true)
        == ["Content-Length": "3", "Connection": "close"])
    #expect(answer(.ok, [:], to: request(.GET, .http1_0), closes: true) == ["Connection": "close"])
    #expect(answer(.ok, ["Transfer-Encoding": "chunked"], to: request(.HEAD)) == [:])
    #expect(answer(.noContent, [:], to: request()) == [:])
    #expect(answer(.notModified, ["ETag": "1"], to: request()) == ["ETag": "1"])
  }

  @Test func aFoldedLineDoesNotPass() {
    #expect(answer(.ok, ["X": "a\r\nSet-Cookie: b"], to: request()) == nil)
  }

  private func request(_ method: HTTPMethod = .GET, headers: HTTPHeaders) -> HTTPRequestHead {
    request(method, .http1_1, headers)
  }
}
