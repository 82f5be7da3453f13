import Policy
import Testing

/// What people paste behind `explain`.
struct DestinationQueryTests {
  @Test(
    arguments: [
      ("10.0.0.1", "10.0.0.1", nil, nil), ("git.example.org", "git.example.org", nil, nil),
      ("localhost", "localhost", nil, nil), ("größe.example", "größe.example", nil, nil),
      ("10.0.0.1:443", "10.0.0.1", 443, nil), ("host:http", "host", 80, nil), ("host:SSH", "host", 22, nil),
      ("host:53/udp", "host", 53, .udp), ("10.0.0.1/icmp", "10.0.0.1", nil, .icmp),
      ("host/tcp", "host", nil, .tcp),
      ("fd00::3", "fd00::3", nil, nil), ("[fd00::3]", "fd00::3", nil, nil),
      ("[fd00::3]:443", "fd00::3", 443, nil),
      ("[fd00::3]:https/tcp", "fd00::3", 443, .tcp), ("fd00::3/udp", "fd00::3", nil, .udp),
      ("[fd00::3:443]", "fd00::3:443", nil, nil), ("2606:4700::1111", "2606:4700::1111", nil, nil),
      ("https://git.example.org/group/project?a=b#c", "git.example.org", 443, .tcp),
      ("http://10.0.0.1:8080/", "10.0.0.1", 8080, .tcp), ("HTTPS://HOST", "HOST", 443, .tcp),
      ("https://user:secret@host:8443/x@y", "host", 8443, .tcp), ("http://[fd00::3]/", "fd00::3", 80, .tcp),
      ("http://[fd00::3]:81/", "fd00::3", 81, .tcp), ("ssh://git@host:2222/a.git", "host", 2222, .tcp),
      ("git+ssh://git@host/a.git", "host", 22, .tcp), ("foo://host:99", "host", 99, .tcp),
      ("git@github.com:owner/project.git", "github.com", 22, .tcp), ("user@10.0.0.1", "10.0.0.1", 22, .tcp),
    ] as [(String, String, UInt16?, TransportProtocol?)])
  func forms(text: String, host: String, port: UInt16?, transport: TransportProtocol?) throws {
    let query = try DestinationQuery(text)
    #expect(query.host == host)
    #expect(query.port == port)
    #expect(query.transport == transport)
  }

  @Test(arguments: [
    ("", "there is no destination", "HOST:PORT"), ("a b", "it contains a blank", "one destination"),
    ("10.0.0.1:", "a port is missing", "1 to 65535"), ("host:0", "\"0\" is not a port", "1 to 65535"),
    ("host:65536", "\"65536\" is not a port", "1 to 65535"),
    ("host:nosuch", "\"nosuch\" is not a port", "http"),
    ("host:080", "\"080\" is not a port", "1 to 65535"), (":80", "there is no host", "HOST:PORT"),
    ("010.0.0.1", "010.0.0.1: looks octal", "without leading zeros"),
    ("https://010.0.0.1/", "010.0.0.1: looks octal", "without leading zeros"),
    ("10.0.0.256", "10.0.0.256: no part of an IPv4 address exceeds 255", "172.23.1.3"),
    ("10.1", "10.1 is not an IP address", "four decimal numbers"),
    ("167772161", "167772161 is not an IP address", "four decimal numbers"),
    ("0x0a000001", "0x0a000001 is not an IP address", "four decimal numbers"),
    ("fe80::1%eth0", "fe80::1%eth0: a zone has no meaning in the jail", "leave out"),
    ("fd00::3:443", "it is an IPv6 address, not an address and a port", "[fd00::3]:443"),
    ("a:b:c", "a:b:c is not an IP address", "IPv6"), ("[fd00::3", "\"[\" without \"]\"", "[IPv6]:PORT"),
    ("[10.0.0.1]:80", "brackets are for IPv6", "HOST:PORT"),
    ("[fd00::3]80", "after \"]\" only :PORT can follow", "[fd00::3]:PORT"),
    ("10.0.0.0/24", "it is a prefix, not an address", "--dry-run"),
    ("host/sctp", "\"sctp\" is not a protocol", "/udp"),
    ("host:53/UDP", "the protocol is not in lower case", "/udp"),
    ("github.com:owner/project", "\"project\" is not a protocol", "USER@HOST:PATH"),
    ("host:7/icmp", "ICMP has no ports", "host/icmp"),
    ("*.example.org", "*.example.org is a pattern", "one host"),
    ("a,b", "a,b is neither an address nor a name", "HOST"),
    ("foo://host/", "the default port of foo:// is not known", "HOST:PORT"),
    ("file:///etc/passwd", "the default port of file:// is not known", "HOST:PORT"),
    ("https://", "there is no host", "HOST"),
  ])
  func wrongForms(text: String, problem: String, hint: String) throws {
    let error = try #require(throws: DestinationQuery.Malformed.self) { try DestinationQuery(text) }
    #expect(error.problem == problem)
    #expect(error.hint.contains(hint))
  }

  @Test(
    arguments: [
      ("10.0.0.1", Reachability.partial, 1), ("10.0.0.1:443/tcp", .reachable, 0),
      ("10.0.0.1:443", .partial, 1),
      ("10.0.0.2", .blocked, 1), ("8.8.8.8", .reachable, 0), ("8.8.8.8/icmp", .reachable, 0),
    ] as [(String, Reachability, Int32)])
  func reachability(text: String, reachability: Reachability, status: Int32) throws {
    let query = try DestinationQuery(text)
    let answers = try query.answers(plan("allow-ip = 10.0.0.1:443/tcp").reach(of: ip(query.host)))
    #expect(Reachability(answers) == reachability)
    #expect(Reachability(answers).exitStatus == status)
  }

  @Test func withoutAnswersNothingIsKnown() {
    #expect(Reachability([]) == .unknown)
    #expect(Reachability([]).exitStatus == 2)
  }
}
