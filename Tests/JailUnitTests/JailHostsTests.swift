import Policy
import Testing

@testable import Jail

@Suite struct JailHostsTests {
  private func text(_ network: String, _ rules: [String], _ host: String, name: String = "box.corp") throws
    -> String
  {
    let plan = try namePlan(network, rules)
    return String(decoding: JailHosts.text(plan, host: Array(host.utf8), hostName: name), as: UTF8.self)
  }

  /// This machine, and nothing that the host's file says of others.
  @Test(arguments: [
    ("10.0.0.5 box.corp box\n10.0.0.7 git.corp git\n", "box.corp", "127.0.1.1 box.corp box\n"),
    ("127.0.1.1 box.corp box\n", "box", "127.0.1.1 box.corp box\n"),
    ("127.0.0.1 localhost localhost.localdomain box\n", "box", "127.0.1.1 localhost.localdomain box\n"),
    ("10.0.0.5 box git.corp\n", "box", "127.0.1.1 box\n"),
    ("", "box.corp", "127.0.1.1 box.corp\n"), ("", "bad name", ""), ("", "", ""),
  ])
  func exclusive(_ host: String, _ name: String, _ line: String) throws {
    #expect(
      try text("restricted", ["git.corp"], host, name: name) == """
        # Written by claude-sandbox: other names are looked up.
        127.0.0.1 localhost
        ::1 localhost ip6-localhost ip6-loopback
        \(line)
        """)
  }

  /// The host's, byte for byte, without what the gateway serves or refuses.
  @Test func internet() throws {
    let host = """
      # all of it
      127.0.0.1\tlocalhost
      10.0.0.7\tgit.corp git  wiki.corp # two
      10.0.0.8\tx.git.corp. x.git
      10.0.0.9 ads.example
      10.0.0.6 other.corp\tother
      bad line git.corp
      """
    #expect(
      try text("internet", ["@git.corp", "!ads.example"], host) == """
        # all of it
        127.0.0.1\tlocalhost
        10.0.0.7 wiki.corp
        10.0.0.6 other.corp\tother
        bad line

        """)
  }

  private static let doors = """
    127.0.0.1 host.docker.internal host.containers.internal
    ::1 host.docker.internal host.containers.internal

    """

  /// Where the jail has ports of the host, its names lead to the jail's own loopback, in every mode.
  @Test func hostPorts() throws {
    let host = """
      127.0.0.1\tlocalhost
      192.168.65.254 host.docker.internal gateway.docker.internal
      10.0.2.2 Host.Containers.Internal. host.containers
      10.0.0.7 git.corp git

      """
    func text(_ plan: NamePlan?, _ hasHostPorts: Bool = true) -> String {
      let text = JailHosts.text(plan, host: Array(host.utf8), hostName: "box", hasHostPorts: hasHostPorts)
      return String(decoding: text, as: UTF8.self)
    }
    let kept = "127.0.0.1\tlocalhost\n192.168.65.254 gateway.docker.internal\n"
    #expect(text(nil) == kept + "10.0.0.7 git.corp git\n" + Self.doors)
    #expect(try text(namePlan("internet", ["@git.corp"])) == kept + Self.doors)
    #expect(
      try text(namePlan("restricted", ["git.corp"])) == """
        # Written by claude-sandbox: other names are looked up.
        127.0.0.1 localhost
        ::1 localhost ip6-localhost ip6-loopback
        127.0.1.1 box

        """ + Self.doors)
    #expect(text(nil, false) == host)
    let files = CoveredFile.hosts(nil, hasHostPorts: true).map(\.file)
    #expect(files == [.hosts] && CoveredFile.hosts(nil, hasHostPorts: false).isEmpty)
  }

  @Test func searchDomains() throws {
    func search(_ text: String, _ host: String = "box.corp") -> [String] {
      ResolverConfiguration(parsing: Array(text.utf8)).search(hostName: host).map(\.text)
    }
    #expect(search("search a.example  B.Example.\nnameserver 192.0.2.1\n") == ["a.example", "b.example"])
    #expect(search("search a.example\ndomain c.example d.example\n") == ["c.example"])
    #expect(search("domain c.example\nsearch a.example b.example\n") == ["a.example", "b.example"])
    #expect(search("search .\n").isEmpty && search("search a..b x!y\n").isEmpty)
    #expect(search(" search a.example\n") == ["corp"] && search("") == ["corp"] && search("", "box").isEmpty)
  }

  @Test func spoken() throws {
    let directory = try directory("restricted", ["corp"])
    func spoken(_ name: String, _ search: [String]) throws -> [String] {
      directory.spoken(try #require(DomainName(name)), search: search.compactMap { DomainName($0) })
    }
    #expect(try spoken("git.corp", []) == ["git.corp"])
    #expect(try spoken("git.corp", ["lab.corp", "corp"]) == ["git.corp", "git"])
    #expect(try spoken("git.lab.corp", ["lab.corp", "corp", "corp"]) == ["git.lab.corp", "git", "git.lab"])
    #expect(try spoken("gitcorp", ["corp"]) == ["gitcorp"] && spoken("corp", ["corp"]) == ["corp"])
  }
}
