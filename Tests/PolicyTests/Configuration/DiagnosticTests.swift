import Policy
import Testing

/// Every complaint: its place, its words, its hint.
struct DiagnosticTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let line: String
    let column: Int
    let message: String
    let hint: String?
    var testDescription: String { line }

    init(_ line: String, _ column: Int, _ message: String, _ hint: String?) {
      self.line = line
      self.column = column
      self.message = message
      self.hint = hint
    }
  }

  private static let outForm = "write a port, FIRST-LAST, or OUTSIDE:INSIDE, as in 5432:15432"
  private static let outOnly = "allow-host-port takes ports, which are those of this host's loopback"
  private static let inForm = "write a port, OUTSIDE:PORT or ADDRESS:OUTSIDE:PORT, as in 127.0.0.1:8080:5173"

  @Test(arguments: [
    // Keys.
    Case("egres-jail = 0", 1, "unknown key \"egres-jail\"", "did you mean egress-jail?"),
    Case("  alow-pi = 1.2.3.4", 3, "unknown key \"alow-pi\"", "did you mean allow-ip?"),
    Case("Allow-IP = 1.2.3.4", 1, "unknown key \"Allow-IP\"", "did you mean allow-ip?"),
    Case("allow_net = 1.2.3.0/24", 1, "unknown key \"allow_net\"", "did you mean allow-net?"),
    Case("something-else = 1", 1, "unknown key \"something-else\"", nil),
    Case("allow-ip  1.2.3.4", 9, "\"=\" is missing after allow-ip", "write allow-ip = 1.2.3.4"),
    Case("allow-ip 1.2.3.4 = 5", 1, "unknown key \"allow-ip 1.2.3.4\"", nil),
    Case("allow ip 1.2.3.4", 1, "unknown key \"allow ip 1.2.3.4\"", nil),
    Case("allow-ip: 1.2.3.4", 9, "\":\" after allow-ip should be \"=\"", "write allow-ip = 1.2.3.4"),
    Case("  network : none", 10, "\":\" after network should be \"=\"", "write network = none"),
    Case("ipv6:", 5, "\":\" after ipv6 should be \"=\"", "write ipv6 = auto"),
    Case(
      "allow-port = 443", 1, "unknown key \"allow-port\"",
      "ports follow the address: allow-ip = 172.23.1.3:443; of this host: allow-host-port = 5432"),
    Case(
      "forward-port = 80", 1, "unknown key \"forward-port\"",
      "for a port of the jail write publish = 5173, for one of this host allow-host-port = 5432"),
    Case("deny-ip = 1.2.3.4", 1, "unknown key \"deny-ip\"", "write block-ip"),
    Case("= 1.2.3.4", 1, "there is no key before \"=\"", nil),
    // Values of settings.
    Case("egress-jail", 1, "egress-jail needs a value", "egress-jail = 0"),
    Case("egress-jail = # 0", 1, "egress-jail needs a value", "egress-jail = 0"),
    Case("allow-ip", 1, "allow-ip needs a value", "allow-ip = 172.23.1.3:443"),
    Case("allow-net =", 1, "allow-net needs a value", "allow-net = 10.0.0.0/24:443"),
    Case("egress-jail = No", 15, "\"No\" is not in lower case", "write no"),
    Case("egress-jail = FALSE", 15, "\"FALSE\" is not in lower case", "write false"),
    Case("allow-override = Yes", 18, "\"Yes\" is not in lower case", "write yes"),
    Case("egress-jail = flase", 15, "\"flase\" is neither yes nor no", "did you mean false?"),
    Case(
      "egress-jail = 2", 15, "\"2\" is neither yes nor no", "write 0, no, off, false, or 1, yes, on, true"),
    Case(
      "egress-jail = 0 0", 15, "\"0 0\" is neither yes nor no", "write 0, no, off, false, or 1, yes, on, true"
    ),
    Case("network = restrict", 11, "network cannot be \"restrict\"", "did you mean restricted?"),
    Case("network = internett", 11, "network cannot be \"internett\"", "did you mean internet?"),
    Case("network = 0", 11, "network cannot be \"0\"", "write internet, restricted or none"),
    Case("ipv6 = on", 8, "ipv6 cannot be \"on\"", "write auto or off"),
    // Addresses.
    Case("allow-ip = 010.0.0.1", 12, "010.0.0.1: looks octal", "write each part without leading zeros"),
    Case("allow-ip = 10.0.0.256", 12, "10.0.0.256: no part of an IPv4 address exceeds 255", nil),
    Case("allow-ip = 10.0.0", 12, "10.0.0 is not an IP address", nil),
    Case(
      "allow-ip = git.example.org", 12, "git.example.org is a name; an IP address belongs here",
      "for a name write allow-domain = git.example.org, for an internal one allow-internal-domain = git.example.org:PORTS"
    ),
    Case(
      "allow-ip = localhost:443", 12, "localhost is a name; an IP address belongs here",
      "for a name write allow-domain = localhost, for an internal one allow-internal-domain = localhost:PORTS"
    ),
    Case("allow-ip = :443", 12, "there is no address", nil),
    Case("allow-ip = fe80::1%eth0", 12, "fe80::1%eth0: a zone has no meaning in the jail", "leave out %…"),
    Case(
      "allow-ip = 10.0.0.0/8", 20, "allow-ip takes an address, not a prefix", "write allow-net = 10.0.0.0/8"),
    Case("block-ip = fd00::/8", 18, "block-ip takes an address, not a prefix", "write block-net = fd00::/8"),
    Case("allow-ip = 10.0.0.1/udp", 20, "a protocol needs ports before it", "as in 172.23.1.3:53/udp"),
    Case(
      "allow-ip = 10.0.0.1 10.0.0.2", 20, "allow-ip takes one address, without spaces",
      "write a line for each, and ports as 80,443"),
    Case(
      "allow-ip = 10.0.0.1:80, 443", 24, "allow-ip takes one address, without spaces",
      "write a line for each, and ports as 80,443"),
    Case(
      "allow-ip = fd00::3:80,443", 12, "fd00::3:80,443 is not an IPv6 address",
      "a port after an IPv6 address needs brackets, as in [fd00::3]:443"),
    Case(
      "allow-ip = 1:2:3:4:5:6:7:8:443", 12, "1:2:3:4:5:6:7:8:443 is not an IPv6 address",
      "a port after an IPv6 address needs brackets, as in [fd00::3]:443"),
    Case(
      "allow-ip = fd00::3:443", 12, "fd00::3:443 is an IPv6 address, not an address and a port",
      "write [fd00::3]:443 for the port, or [fd00::3:443] for the address"),
    Case(
      "block-ip = 2001:db8::1:25", 12, "2001:db8::1:25 is an IPv6 address, not an address and a port",
      "write [2001:db8::1]:25 for the port, or [2001:db8::1:25] for the address"),
    Case(
      "allow-ip = https://git.example.org/a", 12, "https://git.example.org/a is a URL",
      "write allow-ip = ADDRESS:443"),
    Case(
      "allow-ip = http://10.0.0.1:8080/", 12, "http://10.0.0.1:8080/ is a URL",
      "write allow-ip = 10.0.0.1:8080"),
    Case("block-net = foo://10.0.0.1", 13, "foo://10.0.0.1 is a URL", "write block-ip = 10.0.0.1:PORT"),
    Case("allow-ip = \"10.0.0.1\"", 12, "allow-ip takes an address without quotes", nil),
    Case(
      "allow-ip = 10.0.0.1/icmp", 20, "ICMP cannot be given alone",
      "write allow-ip = 10.0.0.1: a rule without ports includes echo (ping)"),
    Case("allow-ip = [fd00::3", 12, "\"[\" without \"]\"", nil),
    Case("allow-ip = [10.0.0.1]:443", 12, "brackets are for IPv6", "write 10.0.0.1:443"),
    Case("allow-ip = [fd00::3]443", 21, "after \"]\" only :PORTS can follow", nil),
    // Prefixes.
    Case(
      "allow-net = 10.0.0.1/24", 13, "10.0.0.1/24 has bits set beyond its prefix length",
      "did you mean 10.0.0.0/24?"),
    Case(
      "allow-net = 10.0.0.0", 21, "allow-net needs a prefix length",
      "as in 10.0.0.0/24; for one address write allow-ip = 10.0.0.0"),
    Case("allow-net = 10.0.0.0/33", 22, "the prefix length must be a number from 0 to 32", nil),
    Case(
      "allow-net = 10.0.0.0/255.0.0.0", 22, "the prefix length must be a number from 0 to 32",
      "write a length such as /24, not a mask"),
    Case(
      "allow-net = fd00::/64:443", 22, "a port after an IPv6 prefix needs brackets", "as in [fd00::/64]:443"),
    Case("allow-net = [fd00::]/64:443", 21, "the length goes inside the brackets", "write [fd00::/64]:443"),
    Case("allow-net = 010.0.0.0/8", 13, "010.0.0.0: looks octal", "write each part without leading zeros"),
    // Ports.
    Case(
      "allow-ip = 1.2.3.4:", 20, "a port is missing",
      "ports are numbers from 1 to 65535, as in 80,443,8000-8999"),
    Case(
      "allow-ip = 1.2.3.4:0", 20, "\"0\" is not a port",
      "ports are numbers from 1 to 65535, as in 80,443,8000-8999"),
    Case(
      "allow-ip = 1.2.3.4:65536", 20, "\"65536\" is not a port",
      "ports are numbers from 1 to 65535, as in 80,443,8000-8999"),
    Case(
      "allow-ip = 1.2.3.4:80,,81", 23, "a port is missing",
      "ports are numbers from 1 to 65535, as in 80,443,8000-8999"),
    Case("allow-ip = 1.2.3.4:https", 20, "\"https\" is not a port", "write 443"),
    Case(
      "allow-ip = 1.2.3.4:http2", 20, "\"http2\" is not a port",
      "ports are numbers from 1 to 65535, as in 80,443,8000-8999"),
    Case("allow-ip = 1.2.3.4:90-80", 20, "the range 90-80 is empty", "write 80-90"),
    Case(
      "allow-ip = 1.2.3.4:53/UDP", 23, "the uplink does not carry the protocol \"UDP\"",
      "did you mean /udp?"),
    Case(
      "allow-ip = 1.2.3.4:53/sctp", 23, "the uplink does not carry the protocol \"sctp\"",
      "write /tcp, /udp, or nothing for both"),
    Case("allow-ip = 1.2.3.4:1/icmp", 22, "ICMP has no ports", "a rule without ports includes echo (ping)"),
    Case(
      "allow-ip = 1.2.3.4:53/udp,80/tcp", 23,
      "the protocol comes after the last port and applies to all of them",
      "write a line for each protocol"),
    // What could never work.
    Case(
      "allow-net = 0.0.0.0/0", 13, "0.0.0.0/0 would open everything", "egress-jail = 0 is the switch for that"
    ),
    Case(
      "allow-net = [::/0]:443", 14, "::/0 would open everything", "egress-jail = 0 is the switch for that"),
    Case(
      "allow-ip = 127.0.0.1:5432", 12, "loopback never leaves the jail: inside, it is the jail's own",
      "for a service on this host's loopback write allow-host-port = PORT"),
    Case(
      "allow-net = 127.0.0.0/8", 13, "loopback never leaves the jail: inside, it is the jail's own",
      "for a service on this host's loopback write allow-host-port = PORT"),
    Case(
      "allow-ip = ::1", 12, "loopback never leaves the jail: inside, it is the jail's own",
      "for a service on this host's loopback write allow-host-port = PORT"),
    Case("allow-ip = 0.0.0.0", 12, "this address is not a destination", nil),
    Case("allow-ip = ::", 12, "this address is not a destination", nil),
    Case(
      "allow-ip = 224.0.0.251:5353", 12,
      "multicast cannot be opened: the relay would send it into this host's network", nil),
    Case(
      "allow-net = ff00::/8", 13,
      "multicast cannot be opened: the relay would send it into this host's network", nil),
    Case("allow-ip = 255.255.255.255", 12, "broadcast cannot be opened: it never leaves a link", nil),
    Case(
      "allow-ip = fe80::1", 12, "link-local addresses never leave a link", "write the host's routable address"
    ),
    Case("allow-ip = ::ffff:10.0.0.1", 12, "IPv4-mapped: such packets leave as IPv4", "write 10.0.0.1"),
    Case(
      "block-net = ::ffff:10.0.0.0/104", 13, "IPv4-mapped: such packets leave as IPv4", "write 10.0.0.0/8"),
    // Ports in and out.
    Case("allow-host-port", 1, "allow-host-port needs a value", "allow-host-port = 5432"),
    Case("publish = ", 1, "publish needs a value", "publish = 5173"),
    Case("allow-host-port = 0", 19, "\"0\" is not a port", outForm),
    Case("allow-host-port = 1:0", 21, "\"0\" is not a port", outForm),
    Case("allow-host-port = 65536", 19, "\"65536\" is not a port", outForm),
    Case("allow-host-port = 1:", 21, "a port is missing", outForm),
    Case("allow-host-port = 1:2:3", 21, "\"2:3\" is not a port", outForm),
    Case("allow-host-port = *", 19, "\"*\" is not a port", outForm),
    Case("allow-host-port = postgres", 19, "\"postgres\" is not a port", "write 5432"),
    Case("allow-host-port = 9-8", 19, "the range 9-8 is empty", "write 8-9"),
    Case(
      "allow-host-port = 1-3:5-6", 23, "3 and 2 are not as many ports",
      "write OUTSIDE:INSIDE with ranges of the same length, as in 8000-8009:9000-9009"),
    Case(
      "allow-host-port = 1-3:5", 23, "3 and 1 are not as many ports",
      "write OUTSIDE:INSIDE with ranges of the same length, as in 8000-8009:9000-9009"),
    Case("allow-host-port = 127.0.0.1:5432", 19, outOnly, "write allow-host-port = 5432"),
    Case("allow-host-port = localhost:1:2/udp", 19, outOnly, "write allow-host-port = 1:2"),
    Case("allow-host-port = [::1]:5432", 19, outOnly, "write allow-host-port = 5432"),
    Case("allow-host-port = 10.0.0.5:5432", 19, outOnly, "for another host write allow-ip = 10.0.0.5:5432"),
    Case(
      "allow-host-port = [fd00::3]:5432", 19, outOnly, "for another host write allow-ip = [fd00::3]:5432"),
    Case(
      "allow-host-port = 80, 81", 21, "allow-host-port takes one value, without blanks, commas and quotes",
      "write a line for each"),
    Case(
      "publish = \"80\"", 11, "publish takes one value, without blanks, commas and quotes",
      "write a line for each"),
    Case(
      "allow-host-port = postgres://localhost/db", 19, "postgres://localhost/db is a URL",
      "write allow-host-port = 5432"),
    Case("publish = http://localhost:5173/", 11, "http://localhost:5173/ is a URL", "write publish = 5173"),
    Case("publish = 53/UDP", 14, "a port is of TCP or UDP, not of \"UDP\"", "did you mean /udp?"),
    Case(
      "publish = 53/", 14, "a port is of TCP or UDP, not of \"\"", "write /udp for UDP, or nothing for TCP"),
    Case("publish = Auto", 11, "\"Auto\" is not a port", "did you mean auto?"),
    Case("publish = auto/udp", 11, "\"auto/udp\" is not a port", "did you mean auto?"),
    Case("publish = 0", 11, "\"0\" is not a port", inForm),
    Case("publish = 1:0", 13, "\"0\" is not a port", inForm),
    Case("publish = 00:1", 11, "\"00\" is not a port", inForm),
    Case("publish = :1", 11, "a port is missing", inForm),
    Case("publish = vite", 11, "\"vite\" is not a port", inForm),
    Case("publish = 1-2", 12, "publish takes one port, not a range", "write a line for each port"),
    Case(
      "publish = 127.0.0.1:80", 11, "an address needs two ports behind it", "write publish = 127.0.0.1:80:80"),
    Case("publish = localhost:80", 11, "an address needs two ports behind it", "write publish = 80"),
    Case("publish = [::1]:80", 16, "an address needs two ports behind it", "as in [::1]:8080:5173"),
    Case("publish = [::1]", 16, "an address needs two ports behind it", "as in [::1]:8080:5173"),
    Case("publish = [::1:80:80", 11, "\"[\" without \"]\"", "as in [::1]:8080:5173"),
    Case("publish = ::1:80:80", 11, "an IPv6 address needs brackets", "as in [::1]:8080:5173"),
    Case(
      "publish = localhost:80:80", 11, "\"localhost\" is not an IP address",
      "without an address it is this host's loopback"),
    Case("publish = *:80:80", 11, "\"*\" is not an IP address", inForm),
    Case("publish = 010.0.0.1:1:1", 11, "010.0.0.1: looks octal", "write each part without leading zeros"),
    Case(
      "publish = [fe80::1%eth0]:1:1", 12, "fe80::1%eth0: a zone has no meaning in the jail", "leave out %…"),
    Case(
      "publish = [::ffff:127.0.0.1]:1:1", 12, "::ffff:127.0.0.1 is IPv4-mapped",
      "write an address of this host"),
    Case("publish = [fe80::1]:1:1", 12, "fe80::1 is link-local", "write an address of this host"),
    Case("publish = [ff02::1]:1:1", 12, "ff02::1 is multicast", "write an address of this host"),
    Case("publish = 224.0.0.1:1:1", 11, "224.0.0.1 is no address of a host", "write an address of this host"),
    Case(
      "publish = 255.255.255.255:1:1", 11, "255.255.255.255 is no address of a host",
      "write an address of this host"),
    // Characters. Columns count characters, not bytes.
    Case("allow-ip = 10.0.0.1\u{0}", 20, "control character U+0000", "remove it"),
    Case("# caf\u{e9} \u{1b}[31m", 8, "control character U+001B", "remove it"),
    Case("allow-ip\r = 10.0.0.1", 9, "control character U+000D", "remove it"),
    Case("\u{feff}egress-jail = 0", 1, "control character U+FEFF", "remove it"),
    Case("network = none\u{85}", 15, "control character U+0085", "remove it"),
    Case(
      "allow-ip =\u{a0}10.0.0.1", 11, "invisible character U+00A0", "write an ordinary space instead"),
    Case(
      "allow-ip = 10.0.0.1\u{2003}# x", 20, "invisible character U+2003", "write an ordinary space instead"),
    Case("allow-ip = 10.0.0.1\u{200b}", 20, "invisible character U+200B", "remove it"),
    Case("allow\u{ad}-ip = 10.0.0.1", 6, "invisible character U+00AD", "remove it"),
    Case("network = \u{202e}none", 11, "invisible character U+202E", "remove it"),
    Case("caf\u{e9} = \u{e9}", 1, "unknown key \"caf\u{e9}\"", nil),
    Case(
      "allow-ip = \u{e9}:\u{e9}", 12, "\u{e9} is a name; an IP address belongs here",
      "for a name write allow-domain = \u{e9}, for an internal one allow-internal-domain = \u{e9}:PORTS"),
  ])
  func complaints(_ sample: Case) throws {
    let diagnostic = try complaint(sample.line)
    #expect(diagnostic.message == sample.message)
    #expect(diagnostic.hint == sample.hint)
    #expect(diagnostic.location == Policy.SourceLocation(file: "test.conf", line: 1, column: sample.column))
  }

  @Test func commentsMayHoldAnyText() throws {
    #expect(try configuration("# größe 👩‍👩‍👧 = #\n#\u{2028}") == Configuration())
  }

  @Test(
    arguments: [
      ([0xff], 1), ([0x61, 0x20, 0xc3, 0x28], 3), ([0x23, 0xc3, 0xa9, 0xe2, 0x82], 3),
      ([0x23, 0xed, 0xa0, 0x80], 2),
    ] as [([UInt8], Int)])
  func invalidUTF8IsRefused(bytes: [UInt8], column: Int) throws {
    let error = try #require(throws: ConfigurationError.self) {
      try ConfigurationParser.parse([(name: "test.conf", text: bytes)])
    }
    #expect(error.diagnostics.map(\.message) == ["this is not UTF-8"])
    #expect(error.diagnostics.map(\.column) == [column])
  }

  @Test func aSettingIsGivenOnceInAllFiles() throws {
    let error = try #require(throws: ConfigurationError.self) {
      try ConfigurationParser.parse([
        (name: "/etc/a.conf", text: Array("\n ipv6 = off".utf8)),
        (name: "/etc/b.conf", text: Array("ipv6 = off".utf8)),
      ])
    }
    #expect(error.diagnostics.map(\.location.description) == ["/etc/b.conf:1:1"])
    #expect(error.diagnostics.map(\.message) == ["ipv6 is already set in /etc/a.conf:2:2"])
  }

  @Test func everyComplaintOfEveryFileIsMade() throws {
    let error = try #require(throws: ConfigurationError.self) {
      try ConfigurationParser.parse([
        (name: "a", text: Array("x = 1\negress-jail = 0\ny = 2".utf8)),
        (name: "b", text: Array("allow-ip = z".utf8)),
      ])
    }
    #expect(error.diagnostics.map(\.location.description) == ["a:1:1", "a:3:1", "b:1:12"])
    #expect(error.description.hasSuffix("configuration: 3 bad lines"))
  }

  @Test func theCaretStandsUnderThePlace() throws {
    let diagnostic = try complaint("\tallow-net\t= 10.0.0.1/24 # é")
    #expect(
      diagnostic.description == """
        test.conf:1:14: 10.0.0.1/24 has bits set beyond its prefix length
          \tallow-net\t= 10.0.0.1/24 # é
          \t         \t  ^
          hint: did you mean 10.0.0.0/24?
        """)
  }

  // What a file holds must not drive the terminal that shows the complaint.
  @Test func complaintsHoldNoControlCharacters() throws {
    let text = "x\u{1b}[2J\u{7} = 1"
    let description = try complaint(text).description
    #expect(!description.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
    #expect(description.contains("x\u{fffd}[2J\u{fffd} = 1"))
  }
}
