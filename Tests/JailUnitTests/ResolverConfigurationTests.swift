import Policy
import Testing

@testable import Jail

@Suite struct ResolverConfigurationTests {
  private static func resolvers(_ text: String) -> [String] {
    ResolverConfiguration(parsing: Array(text.utf8)).resolvers.map { resolver in
      "\(resolver.address)" + (resolver.link.map { "%" + $0 } ?? "")
    }
  }

  @Test(arguments: [
    ("nameserver 192.0.2.1\n", ["192.0.2.1"]),
    ("nameserver\t \t192.0.2.1", ["192.0.2.1"]),
    ("nameserver 192.0.2.1 trailing words\n", ["192.0.2.1"]),
    ("nameserver 192.0.2.1#comment\nnameserver 192.0.2.2;comment\n", ["192.0.2.1", "192.0.2.2"]),
    ("nameserver 2001:db8::1\nnameserver fe80::1%eth0\n", ["2001:db8::1", "fe80::1%eth0"]),
    ("nameserver 127.0.0.53\n", ["127.0.0.53"]),
    (
      "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
      ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    ),
    // What is malformed does not count towards the three.
    ("nameserver x\nnameserver 1.2.3\nnameserver 192.0.2.1%eth0\nnameserver fe80::1%\n", ["127.0.0.1"]),
    ("# nameserver 192.0.2.1\n; nameserver 192.0.2.2\n nameserver 192.0.2.3\n", ["127.0.0.1"]),
    ("NAMESERVER 192.0.2.1\nnameserver\nnameserver \nnameservers 192.0.2.2\n", ["127.0.0.1"]),
    ("nameserver 192.0.2.1\r\n", ["127.0.0.1"]),
    ("", ["127.0.0.1"]),
  ])
  func nameServers(_ text: String, _ expected: [String]) {
    #expect(Self.resolvers(text) == expected)
  }

  @Test func jailText() {
    let host = """
      # from the network
      domain old.example
      search corp.example  lab.example
      nameserver 192.0.2.1
      options edns0 trust-ad\tndots:2
      sortlist 192.0.2.0/255.255.255.0
      unknown thing
       search indented.example
      search
      """
    #expect(
      String(decoding: ResolverConfiguration(parsing: Array(host.utf8)).jailText, as: UTF8.self) == """
        # Written by claude-sandbox: it asks the host's name servers.
        nameserver 127.0.0.53
        domain old.example
        search corp.example  lab.example
        options edns0 trust-ad\tndots:2
        sortlist 192.0.2.0/255.255.255.0

        """)
  }

  @Test func bytesThatAreNoText() {
    let line = Array("search ".utf8) + [0xff, 0x00, 0x80]
    #expect(ResolverConfiguration(parsing: line + [10]).jailText.suffix(line.count + 1) == (line + [10])[...])
  }

  @Test func randomBytes() {
    let alphabet = Array("nameserver search0123456789.:%;#\n\n\t  ".utf8) + [0, 0xff]
    for _ in 0..<5000 {
      var bytes = (0..<Int.random(in: 0...80)).compactMap { _ in alphabet.randomElement() }
      if Bool.random() { bytes = Array("nameserver ".utf8) + bytes }
      let count = ResolverConfiguration(parsing: bytes).resolvers.count
      #expect((1...3).contains(count))
    }
  }
}
