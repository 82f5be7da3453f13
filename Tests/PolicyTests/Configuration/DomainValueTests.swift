import Testing

@testable import Policy

/// The keys about names: what each form of a value says, and every complaint.
struct DomainValueTests {
  @Test(arguments: [
    ("github.com", "github.com", "80,443"), ("pypi.org:443", "pypi.org", "443"),
    ("*.example.org:22,443", "*.example.org", "22,443"), ("=api.x.org", "=api.x.org", "80,443"),
    ("=api.x.org:8000-8999", "=api.x.org", "8000-8999"), ("github.com:*", "github.com", "0-65535"),
    ("GitHub.COM.", "github.com", "80,443"), ("*.GITHUB.com.:1", "*.github.com", "1"),
    ("corp", "corp", "80,443"),
    ("*.com", "*.com", "80,443"), ("_dmarc.a-b.c_d", "_dmarc.a-b.c_d", "80,443"),
    ("-a-.r3---sn.example", "-a-.r3---sn.example", "80,443"),
    ("xn--gre-6ka8i.de", "xn--gre-6ka8i.de", "80,443"),
    ("1.example", "1.example", "80,443"), ("3com.com", "3com.com", "80,443"), ("a.0b", "a.0b", "80,443"),
    ("localhost.example", "localhost.example", "80,443"), ("dead.beef", "dead.beef", "80,443"),
  ])
  func forms(value: String, pattern: String, ports: String) throws {
    let rule = try #require(configuration("allow-domain = \(value)").domains.first)
    #expect(rule.pattern.description == pattern && rule.ports.description == ports)
    #expect(rule.action == .allow && !rule.isInternal && rule.preset == nil)
    #expect(rule.origin.description == "test.conf:1:1: allow-domain")
  }

  @Test func theOtherKeys() throws {
    let rules = try configuration("block-domain = *.a.org\n allow-internal-domain=GitLab.corp.:22,443")
      .domains
    #expect(rules.map(\.pattern.description) == ["*.a.org", "=gitlab.corp"])
    #expect(rules.map(\.ports.description) == ["0-65535", "22,443"])
    #expect(rules.map(\.action) == [.block, .allow] && rules.map(\.isInternal) == [false, true])
    #expect(
      rules.map(\.origin.description) == [
        "test.conf:1:1: block-domain", "test.conf:2:2: allow-internal-domain",
      ])
  }

  @Test func theLongestNames() throws {
    let label = String(repeating: "a", count: 63)
    let name = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
    #expect(name.utf8.count == 253)
    for text in [name, name + ".", "*.\(name)"] {
      #expect(try configuration("allow-domain = \(text)").domains.map(\.pattern.name.text) == [name])
    }
    let longer = try complaint("allow-domain = c.\(name)")
    #expect(longer.column == 16 && longer.message == "the name has 255 characters")
    #expect(longer.hint == "DNS takes at most 253")
    let label64 = try complaint("allow-domain = a.\(label)a.org")
    #expect(label64.column == 18 && label64.message == "a label has 64 characters")
  }

  typealias Case = DiagnosticTests.Case

  private static let letters = "labels are letters, digits, hyphens and underscores, with dots between them"

  @Test(arguments: [
    // What is pasted.
    Case(
      "allow-domain = https://github.com/a", 16, "https://github.com/a is a URL",
      "write allow-domain = github.com:443"),
    Case("block-domain = http://x.org:8080", 16, "http://x.org:8080 is a URL", "write block-domain = x.org"),
    Case(
      "allow-internal-domain = foo://x.org", 25, "foo://x.org is a URL",
      "write allow-internal-domain = x.org:PORT"),
    Case("allow-domain = https://", 16, "https:// is a URL", "write allow-domain = NAME:443"),
    Case(
      "allow-domain = a.org b.org", 21, "allow-domain takes one name, without spaces",
      "write a line for each, and ports as NAME:80,443"),
    Case(
      "allow-domain = a.org,b.org:1", 21, "allow-domain takes one name, without spaces",
      "write a line for each, and ports as NAME:80,443"),
    Case(
      "allow-domain = a.org:80, 443", 25, "allow-domain takes one name, without spaces",
      "write a line for each, and ports as NAME:80,443"),
    Case(
      "block-domain = a.org;b.org", 21, "block-domain takes one name, without spaces", "write a line for each"
    ),
    Case("allow-domain = \"a.org\"", 16, "allow-domain takes a name without quotes", nil),
    Case("block-domain = 'a.org'", 16, "block-domain takes a name without quotes", nil),
    Case("allow-domain = github.com/user", 26, "a name has no path", "write allow-domain = github.com"),
    Case("allow-domain = a.org:443/x/y", 25, "a name has no path", "write allow-domain = a.org:443"),
    Case(
      "allow-domain = git@github.com", 19, "\"@\" cannot be in a name", letters),
    // Addresses.
    Case("allow-domain = 10.0.0.1", 16, "10.0.0.1 is not a name", "for an address write allow-ip = 10.0.0.1"),
    Case(
      "allow-domain = 10.0.0.1:443", 16, "10.0.0.1:443 is not a name",
      "for an address write allow-ip = 10.0.0.1:443"),
    Case("block-domain = fd00::1", 16, "fd00::1 is not a name", "for an address write block-ip = fd00::1"),
    Case(
      "allow-domain = [fd00::1]:22", 16, "[fd00::1]:22 is not a name",
      "for an address write allow-ip = [fd00::1]:22"),
    Case(
      "allow-domain = 10.0.0.0/8:22", 16, "10.0.0.0/8:22 is not a name",
      "for an address write allow-net = 10.0.0.0/8:22"),
    Case(
      "allow-domain = 10.1", 16, "10.1 ends in a number, so programs take it for an address",
      "for an address write allow-ip = 172.23.1.3"),
    Case(
      "allow-domain = *.012.0.0.1", 18, "012.0.0.1 ends in a number, so programs take it for an address",
      "for an address write allow-ip = 172.23.1.3"),
    Case(
      "block-domain = 0x7F000001", 16, "0x7F000001 ends in a number, so programs take it for an address",
      "for an address write block-ip = 172.23.1.3"),
    Case(
      "block-domain = a.0x", 16, "a.0x ends in a number, so programs take it for an address",
      "for an address write block-ip = 172.23.1.3"),
    Case(
      "allow-domain = =2130706433.", 17, "2130706433 ends in a number, so programs take it for an address",
      "for an address write allow-ip = 172.23.1.3"),
    // Protocols.
    Case(
      "allow-domain = a.org:443/udp", 25, "a name is reached over TCP only",
      "UDP is refused at once, so that QUIC falls back to TCP"),
    Case(
      "allow-domain = a.org:443/tcp", 25, "a name is reached over TCP, and its ports name no protocol",
      "write allow-domain = a.org:443"),
    Case(
      "allow-domain = a.org/UDP", 21, "a name is reached over TCP only",
      "UDP is refused at once, so that QUIC falls back to TCP"),
    // Wildcards.
    Case(
      "allow-domain = *", 16, "\"*\" would be every name",
      "network = internet opens everything that is public"),
    Case(
      "allow-domain = *.", 16, "\"*\" would be every name",
      "network = internet opens everything that is public"),
    Case("block-domain = *", 16, "\"*\" would be every name", "network = none closes everything"),
    Case(
      "allow-domain = foo*.x.org", 19, "\"*\" stands for whole labels, in front of a name",
      "write *.x.org, or x.org for the name and all below it"),
    Case(
      "allow-domain = *.*.x", 18, "\"*\" stands for whole labels, in front of a name",
      "write *.x, or x for the name and all below it"),
    Case(
      "block-domain = a.*", 18, "\"*\" stands for whole labels, in front of a name", "write the whole name"),
    Case(
      "allow-domain = =*.x.org", 17, "\"*\" stands for whole labels, in front of a name",
      "write *.x.org, or x.org for the name and all below it"),
    // Labels.
    Case(
      "allow-domain = .x.org", 16, "a label is empty",
      "write x.org for the name and all below it, *.x.org for all below it"),
    Case("allow-domain = a..b", 18, "a label is empty", nil),
    Case("allow-domain = a.b..", 20, "a label is empty", nil),
    Case("allow-domain = ..", 16, "a label is empty", nil),
    Case("allow-domain = .", 16, "there is no name", "allow-domain = *.example.org:22,443"),
    Case("allow-domain = :443", 16, "there is no name", "allow-domain = *.example.org:22,443"),
    Case("allow-domain = =", 17, "there is no name", "allow-domain = *.example.org:22,443"),
    Case("block-domain = a$b.org", 17, "\"$\" cannot be in a name", letters),
    Case("block-domain = a=b.org", 17, "\"=\" cannot be in a name", letters),
    // Letters that DNS has not.
    Case(
      "allow-domain = größe.example", 18, "größe.example is not in the form that DNS has",
      "write xn--gre-6ka8i.example"),
    Case(
      "allow-domain = *.MÜNCHEN.de:22", 19, "MÜNCHEN.de is not in the form that DNS has",
      "write xn--mnchen-3ya.de"),
    Case(
      "allow-domain = gro\u{308}sse.example", 19, "gro\u{308}sse.example is not in the form that DNS has",
      "write its labels as xn--..., as DNS tools show them"),
    // Names that lead nowhere.
    Case(
      "allow-domain = localhost", 16, "localhost is the jail's own loopback",
      "nothing has to be opened; this host's services cannot be reached by this name"),
    Case(
      "block-domain = *.App.Localhost.", 18, "app.localhost is the jail's own loopback",
      "nothing has to be opened; this host's services cannot be reached by this name"),
    // Ports.
    Case(
      "allow-domain = a.org:", 22, "a port is missing",
      "ports are numbers from 1 to 65535, as in 80,443,8000-8999"),
    Case("allow-domain = a.org:https", 22, "\"https\" is not a port", "write 443"),
    Case(
      "allow-domain = a.org:80,*", 25, "\"*\" is not a port",
      "ports are numbers from 1 to 65535, as in 80,443,8000-8999"),
    Case(
      "block-domain = a.org:443", 21, "block-domain takes a name without ports",
      "it closes all of them: write a.org"),
    Case(
      "allow-internal-domain = a.corp", 31, "allow-internal-domain needs ports", "as in gitlab.corp:22,443"),
    Case(
      "allow-internal-domain = *.corp:22", 25, "allow-internal-domain takes one exact name",
      "write a line for each name"),
    Case(
      "allow-internal-domain = =a.corp:22", 25, "allow-internal-domain takes one exact name",
      "write it without \"=\""),
    // Presets and directories.
    Case("preset = claude,, github", 17, "a preset's name is missing", "as in preset = claude, github"),
    Case("preset = claude,", 17, "a preset's name is missing", "as in preset = claude, github"),
    Case(
      "preset = claude github", 16, "a preset's name has no spaces",
      "write commas between them: claude, github"),
    Case(
      "preset = GitHub", 10, "\"GitHub\" is not the name of a preset",
      "it has small letters, digits and hyphens: claude-sandbox presets lists them"),
    Case(
      "preset = github.com", 16, "\"github.com\" is not the name of a preset",
      "for the name of a host write allow-domain = github.com"),
    Case(
      "preset = ../x", 10, "\"../x\" is not the name of a preset",
      "for the name of a host write allow-domain = ../x"),
    Case("trust-project = srv", 17, "srv is not the absolute path of a directory", nil),
    Case("trust-project = /srv/../etc", 17, "/srv/../etc is not the absolute path of a directory", nil),
  ])
  func complaints(_ sample: Case) throws {
    let diagnostic = try complaint(sample.line)
    #expect(diagnostic.message == sample.message)
    #expect(diagnostic.hint == sample.hint)
    #expect(diagnostic.column == sample.column)
  }

  @Test func severalPresetsOnALine() throws {
    let presets = try configuration("preset = claude ,github,\tx-1\n preset = npm").presets
    #expect(presets.map(\.value) == ["claude", "github", "x-1", "npm"])
    #expect(presets.map { $0.location?.description } == [1, 1, 1, 2].map { "test.conf:\($0):\($0)" })
  }

  // RFC 3492 section 7.1, and names that are registered.
  @Test(arguments: [
    ("bücher.example", "xn--bcher-kva.example"), ("ليهمابتكلموشعربي؟", nil),
    ("ليهمابتكلموشعربي", "xn--mgbcah9ar9a4efegftvvn"), ("他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"),
    ("Pročprostěnemluvíčesky", "xn--proprostnemluvesky-uyb24dma41a"),
    ("почемужеонинеговорятпорусски", "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l"),
    ("3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"), ("пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"),
    ("faß.de", "xn--fa-hia.de"), ("😀.example", nil), ("a。b", nil), ("हिन्दी", nil),
    (String(repeating: "ü", count: 64), nil),
  ])
  func theNameInDNS(text: String, name: String?) { #expect(Punycode.name(text) == name) }
}
