import Policy
import Testing

struct DomainNameTests {
  @Test(arguments: [
    ("github.com", "github.com"), ("GitHub.Com.", "github.com"), ("a_b.c-d", "a_b.c-d"), ("x", "x"),
    ("-.-", "-.-"), ("_sip._tcp.a", "_sip._tcp.a"), ("1.2.3.4", "1.2.3.4"), ("", nil), (".", nil),
    ("a..b", nil),
    (".a", nil), ("a..", nil), ("a b", nil), ("a\u{0}b", nil), ("ä", nil), ("a*b", nil), ("a/b", nil),
    ("a:1", nil),
    ("[", nil), ("@", nil), ("`", nil), ("{", nil), ("^", nil),
  ])
  func texts(text: String, name: String?) { #expect(DomainName(text)?.text == name) }

  // In the question of a message a label can hold any byte, a dot too.
  @Test(
    arguments: [
      [[0x61, 0x2e, 0x62]], [[0x61], []], [[]], [[0]], [[0x61, 0x00]], [[0x80]], [[0xc3, 0xa4]], [],
      [Array(repeating: 0x61, count: 64)], Array(repeating: Array(repeating: 0x61, count: 63), count: 4),
    ] as [[[UInt8]]])
  func labelsThatNoNameHas(labels: [[UInt8]]) { #expect(DomainName(labels: labels) == nil) }

  @Test func everyByte() throws {
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_".utf8)
    for byte in UInt8.min...UInt8.max {
      #expect((DomainName(labels: [[byte]]) != nil) == allowed.contains(byte), "\(byte)")
    }
  }

  @Test func aNameHasOneForm() throws {
    let name = try name("A.b.C.")
    #expect(name == DomainName(labels: [[0x61], [0x42], [0x63]]) && name.description == "a.b.c")
    #expect(name.labels == ["a", "b", "c"])
    #expect(
      name.parent?.text == "b.c" && name.parent?.parent?.text == "c" && name.parent?.parent?.parent == nil)
  }
}
