import Testing

@testable import claude_sandbox_preview

struct RequestedHostTests {
  @Test(arguments: ["localhost:8090", "LocalHost:8090", "127.0.0.1:8090", "[::1]:8090"])
  func theListHasThreeNames(text: String) {
    #expect(RequestedHost(text, listeningPort: 8090) == .list)
  }

  @Test(arguments: [
    ("5173.shop.localhost:8090", 5173, "shop"), ("5173.SHOP.LOCALHOST:8090", 5173, "shop"),
    ("1.shop-4711.localhost:8090", 1, "shop-4711"), ("65535.4711.localhost:8090", 65_535, "4711"),
  ])
  func aPreviewIsAPortAndALabel(text: String, port: UInt16, label: String) {
    #expect(
      RequestedHost(text, listeningPort: 8090) == .preview(PreviewAddress(port: port, label: label)))
  }

  @Test(arguments: [
    "shop.localhost:8090", "05173.shop.localhost:8090", "0.shop.localhost:8090", "65536.shop.localhost:8090",
    "+1.shop.localhost:8090", "5173.a.shop.localhost:8090", "5173..localhost:8090", ".localhost:8090",
    "5173.sh_op.localhost:8090", "5173.\(String(repeating: "a", count: 64)).localhost:8090",
  ])
  func whatIsNoneBelowLocalhostIsUnknown(text: String) {
    #expect(RequestedHost(text, listeningPort: 8090) == .unknown)
  }

  @Test(arguments: [
    "", ":8090", "localhost", "localhost:", "localhost:8091", "localhost:08090", "localhost.:8090",
    "5173.shop.localhost", "5173.shop.localhost:80", "5173.shop.localhost.:8090",
    "5173.shop.localhost:8090.", "5173.shop.localhost:8090 ", "user@localhost:8090", "evil.example:8090",
    "5173.shop.localhost.evil.example:8090", "xlocalhost:8090", "127.0.0.2:8090", "[::2]:8090", "::1:8090",
    "0.0.0.0:8090", "5173.shop.locaſhost:8090", "5173.\u{212A}.localhost:8090",
  ])
  func anythingElseIsForeign(text: String) {
    #expect(RequestedHost(text, listeningPort: 8090) == .foreign)
  }

  @Test func atPort80BrowsersLeaveThePortOut() {
    #expect(RequestedHost("localhost", listeningPort: 80) == .list)
    #expect(RequestedHost("localhost:80", listeningPort: 80) == .foreign)
  }
}
