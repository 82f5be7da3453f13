import Policy
import Testing

struct ConfigurationParserTests {
  @Test func nothingSaysTheDefaults() throws {
    let empty = try ConfigurationParser.parse([])
    #expect(empty == Configuration())
    #expect(try configuration("\n# a comment\n   \t # another\r\n") == Configuration())
    #expect(empty.egressJail == Sourced(true) && empty.allowOverride == Sourced(true))
    #expect(empty.network == Sourced(.internet) && empty.ipv6 == Sourced(.auto))
    #expect(empty.unixSockets == Sourced(.listed))
  }

  @Test func settingsCarryTheirPlace() throws {
    let text =
      "egress-jail = 0\n  network=none\nipv6 =\toff  # why\nallow-override = no\nclaude-binary = /opt/claude\nunix-sockets = own"
    let configuration = try configuration(text)
    #expect(configuration.egressJail == Sourced(false, at: place(1, 1)))
    #expect(configuration.network == Sourced(.none, at: place(2, 3)))
    #expect(configuration.ipv6 == Sourced(.off, at: place(3, 1)))
    #expect(configuration.allowOverride == Sourced(false, at: place(4, 1)))
    #expect(configuration.claudeBinary == Sourced("/opt/claude", at: place(5, 1)))
    #expect(configuration.unixSockets == Sourced(.own, at: place(6, 1)))
  }

  @Test(arguments: [
    ("1", true), ("yes", true), ("on", true), ("true", true), ("0", false), ("no", false), ("off", false),
    ("false", false), ("", nil), ("2", nil), ("No", nil), ("TRUE", nil), (" 0", nil), ("disabled", nil),
  ])
  func booleans(text: String, value: Bool?) {
    #expect(parseBoolean(text) == value)
  }

  @Test(arguments: [
    ("allow-ip = 172.23.142.119   # internal GitLab forge", "172.23.142.119/32", "all"),
    ("allow-ip=172.23.1.3:443", "172.23.1.3/32", "443"),
    ("allow-ip = 172.23.1.3:5064,5065/udp", "172.23.1.3/32", "5064-5065/udp"),
    ("allow-ip = 172.23.1.3:80,8000-8999,443/tcp", "172.23.1.3/32", "80,443,8000-8999/tcp"),
    ("allow-ip = 172.23.1.3:1-65535", "172.23.1.3/32", "1-65535"),
    ("allow-ip = [fd00::3]:443", "fd00::3/128", "443"), ("allow-ip = fd00::3", "fd00::3/128", "all"),
    ("allow-ip = [fd00::3]", "fd00::3/128", "all"), ("allow-ip = fd00:0::0:3 # same", "fd00::3/128", "all"),
    ("allow-ip = 64:ff9b::10.0.0.1", "64:ff9b::a00:1/128", "all"),
    ("allow-ip = 169.254.169.254:80", "169.254.169.254/32", "80"),
    ("allow-net = 10.0.0.0/24", "10.0.0.0/24", "all"), ("allow-net = 10.0.0.0/24:443", "10.0.0.0/24", "443"),
    ("allow-net = 10.0.0.0/24:53/udp", "10.0.0.0/24", "53/udp"),
    ("allow-net = fd00::/64", "fd00::/64", "all"),
    ("allow-net = [fd00::/64]:443", "fd00::/64", "443"), ("allow-net = 10.0.0.1/32", "10.0.0.1/32", "all"),
    ("allow-net = 0.0.0.0/1", "0.0.0.0/1", "all"), ("block-net = 0.0.0.0/0:25/tcp", "0.0.0.0/0", "25/tcp"),
    ("block-ip = 224.0.0.1", "224.0.0.1/32", "all"), ("block-net = ::/0", "::/0", "all"),
  ])
  func rules(line: String, prefix: String, services: String) throws {
    let configuration = try configuration("\n " + line + "\r\n")
    let rule = try #require(configuration.rules.first)
    let key = line.prefix { $0.isLetter || $0 == "-" }
    #expect(configuration.rules.count == 1)
    #expect(try rule.prefix == net(prefix))
    #expect(rule.services.description == services)
    #expect(rule.action == (key.hasPrefix("allow") ? .allow : .block))
    #expect(rule.origin == .configuration(place(2, 2), key: String(key)))
  }

  @Test func repeatableKeysAccumulateOverFiles() throws {
    let configuration = try ConfigurationParser.parse([
      (name: "a", text: Array("allow-ip = 10.0.0.1\nblock-ip = 8.8.8.8\nallow-ip = 10.0.0.2".utf8)),
      (name: "b", text: Array("allow-ip = 10.0.0.1".utf8)),
    ])
    let prefixes = configuration.rules.map(\.prefix.description)
    #expect(prefixes == ["10.0.0.1/32", "8.8.8.8/32", "10.0.0.2/32", "10.0.0.1/32"])
    #expect(configuration.rules.last?.origin.description == "b:1:1: allow-ip")
  }

  @Test func keysOfTheFileSystemSandboxAreRecorded() throws {
    let text = "workspace-root = /w\nno-forge\nallow-write = /a # x\nallow-write = /b\npass-env ="
    let ignored = try configuration(text).ignored
    #expect(ignored.map(\.key) == ["workspace-root", "no-forge", "allow-write", "allow-write", "pass-env"])
    #expect(ignored.map(\.value) == ["/w", nil, "/a", "/b", ""])
    #expect(ignored[1].location == place(2, 1))
    #expect(try configuration(text).rules.isEmpty)
  }

  // Brackets say that no port is meant.
  @Test(arguments: [
    "[fd00::3:443]", "fd00::3", "2606:4700:4700::1111", "fd00::abc", "2001:db8::53", "fd00::1:7",
    "[fd00::3:443]:443",
  ])
  func addressesThatDoNotLookLikePorts(text: String) throws {
    #expect(try configuration("allow-ip = \(text)").rules.count == 1)
  }

  private func place(_ line: Int, _ column: Int) -> Policy.SourceLocation {
    Policy.SourceLocation(file: "test.conf", line: line, column: column)
  }
}

/// The one complaint about a text.
func complaint(_ text: String) throws -> Diagnostic {
  let error = try #require(throws: ConfigurationError.self) { try configuration(text) }
  #expect(error.diagnostics.count == 1)
  return try #require(error.diagnostics.first)
}
