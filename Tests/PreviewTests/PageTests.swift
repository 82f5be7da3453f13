import Record
import Testing

@testable import Jail
@testable import claude_sandbox_preview

/// A jail of this name, as its supervisor says it.
private func jail(
  _ name: String, _ launcher: CInt?, command: String = "claude", listening: [Int] = []
) -> RunningJail {
  var status = JailStatus(
    supervisor: 1, launcher: launcher ?? 1, command: [Array(command.utf8)], directory: "/srv/\(name)",
    network: "internet", since: 1000, name: name)
  status.listening = listening
  return RunningJail(
    user: 1000, launcher: launcher, status: status, memory: nil, name: "\(name) \(launcher ?? 0)")
}

struct LabelTests {
  private func found(_ label: String, _ jails: [RunningJail]) -> String {
    switch jails.labelled(label) {
    case .jail(let jail): jail.status?.name ?? ""
    case .nothing: "nothing"
    case .several: "several"
    }
  }

  @Test func aLabelMeansOneJail() {
    let jails = [jail("Shop", 10), jail("blog", 11), jail("blog", 12), jail("10", 13), jail("shop-10", 14)]
    #expect(found("blog", jails) == "several")
    #expect(found("blog-12", jails) == "blog")
    #expect(found("10", jails) == "Shop")
    #expect(found("shop", jails) == "Shop")
    #expect(found("shop-10", jails) == "several")
    #expect(found("14", jails) == "shop-10")
    #expect(found("13", jails) == "10")
    #expect(found("none", jails) == "nothing")
    #expect(jails.map { jails.label(of: $0) } == ["shop", "blog-11", "blog-12", "10-13", "shop-10-14"])
  }

  @Test func aNameThatIsNoLabelIsNone() {
    #expect([jail("a b", 10)].label(of: jail("a b", 10)) == "10")
    #expect([jail("a b", nil)].label(of: jail("a b", nil)) == nil)
  }
}

struct PageTests {
  @Test func hostileTextsAreText() {
    let text = "<img src=x onerror=alert(1)>\"'&\u{202e}\n\u{1b}[2J"
    let list = Page.list([jail(text, 10, command: text, listening: [80])], port: 8090, now: 1000)
    #expect(!list.contains("<img") && !list.contains("\n") && !list.contains("\u{1b}"))
    #expect(!list.contains("\u{202e}"))
    #expect(list.contains("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;"))
  }

  @Test func aListeningPortIsALink() {
    let list = Page.list([jail("shop", 10, listening: [5173, 70_000])], port: 8090, now: 1000)
    #expect(list.contains("href=\"http://5173.shop.localhost:8090/\""))
    #expect(!list.contains("70000"))
  }

  @Test func whatWasWantedIsNamed() {
    let page = Page.text("", wanted: PreviewAddress(port: 5173, label: "shop"), nonce: "n")
    #expect(page.contains("<b>5173</b> of <b>shop</b>"))
    #expect(!Page.text("", wanted: nil, nonce: "n").contains("class=\"notice\""))
  }
}
