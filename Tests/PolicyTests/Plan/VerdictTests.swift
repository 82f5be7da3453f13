import Policy
import Testing

/// What the definition says, rule by rule; each filter is asked the same.
struct VerdictTests {
  struct Case: CustomTestStringConvertible {
    let lines: String
    let open: [String]
    let closed: [String]
    var testDescription: String { lines }
  }

  @Test(arguments: [
    // Nothing configured: the internet, and nothing internal.
    Case(
      lines: "",
      open: ["8.8.8.8:443", "8.8.8.8:53/udp", "8.8.8.8/icmp", "[2600::1]:443", "[2001:db8::1]:80"],
      closed: ["10.0.0.1:443", "[fd00::1]:443", "127.0.0.1:80", "[::1]:80"]),
    Case(
      lines: "allow-ip = 10.0.0.1", open: ["10.0.0.1:1", "10.0.0.1:9/udp", "10.0.0.1/icmp"],
      closed: ["10.0.0.2:1"]),
    // Narrowed to ports: neither another port, nor echo, nor a neighbour.
    Case(
      lines: "allow-ip = 10.0.0.1:443", open: ["10.0.0.1:443", "10.0.0.1:443/udp"],
      closed: ["10.0.0.1:442", "10.0.0.1:444", "10.0.0.1/icmp", "10.0.0.0:443"]),
    Case(
      lines: "allow-ip = 10.0.0.1:53/udp", open: ["10.0.0.1:53/udp"],
      closed: ["10.0.0.1:53", "10.0.0.1/icmp"]),
    Case(
      lines: "allow-net = 10.0.0.0/24:443/tcp", open: ["10.0.0.255:443"],
      closed: ["10.0.1.0:443", "10.0.0.1:443/udp"]),
    // Most specific wins, whatever the order.
    Case(
      lines: "allow-net = 10.0.0.0/24\nblock-ip = 10.0.0.5", open: ["10.0.0.4:1", "10.0.0.6:1"],
      closed: ["10.0.0.5:1"]),
    Case(
      lines: "block-ip = 10.0.0.5\nallow-net = 10.0.0.0/24", open: ["10.0.0.4:1"], closed: ["10.0.0.5:1"]),
    Case(
      lines: "block-net = 203.0.113.0/24\nallow-ip = 203.0.113.7", open: ["203.0.113.7:1"],
      closed: ["203.0.113.8:1"]),
    // At equal length a configured block wins over a configured allow, and that over a builtin block.
    Case(lines: "allow-ip = 10.0.0.5\nblock-ip = 10.0.0.5", open: [], closed: ["10.0.0.5:1"]),
    Case(lines: "block-ip = 10.0.0.5\nallow-ip = 10.0.0.5", open: [], closed: ["10.0.0.5:1"]),
    Case(lines: "allow-net = 10.0.0.0/8", open: ["10.255.255.255:1"], closed: ["172.16.0.1:1"]),
    // A narrowed block closes its ports only; the others fall through.
    Case(
      lines: "block-net = 0.0.0.0/0:25/tcp", open: ["8.8.8.8:26", "8.8.8.8:25/udp", "8.8.8.8/icmp"],
      closed: ["8.8.8.8:25", "10.0.0.1:26"]),
    Case(
      lines: "block-net = 0.0.0.0/0:25/tcp\nallow-ip = 8.8.8.8:25", open: ["8.8.8.8:25", "8.8.8.8:1"],
      closed: ["8.8.4.4:25"]),
    Case(
      lines: "allow-net = 10.0.0.0/24:443\nallow-ip = 10.0.0.1:22\nblock-ip = 10.0.0.2:443",
      open: ["10.0.0.1:443", "10.0.0.1:22", "10.0.0.3:443"],
      closed: ["10.0.0.2:443", "10.0.0.3:22", "10.0.0.1:80"]),
    // A shorter allow does not open the builtin blocks inside it.
    Case(
      lines: "allow-net = 0.0.0.0/1", open: ["9.0.0.1:1"], closed: ["10.0.0.1:1", "127.0.0.1:1", "0.0.0.1:1"]),
    Case(
      lines: "allow-net = 240.0.0.0/4", open: ["250.0.0.1:1"], closed: ["255.255.255.255:1", "239.0.0.1:1"]),
    Case(
      lines: "allow-net = 8000::/1", open: ["[9000::1]:1"],
      closed: ["[ff02::1]:1", "[fe80::1]:1", "[fd00::1]:1"]),
    Case(
      lines: "allow-net = 64:ff9b::/96", open: ["[64:ff9b::808:808]:1"],
      closed: ["[64:ff9a::1]:1", "[::1]:1"]),
    // The last values of a word, where a search goes on in the next one.
    Case(
      lines: "block-ip = 2600:0:ffff:fffe::1", open: ["[2600:0:ffff:ffff::1]:1", "[2600:0:ffff:fffe::2]:1"],
      closed: ["[2600:0:ffff:fffe::1]:1"]),
    Case(
      lines: "block-ip = 2600:0:ffff:ffff:ffff:ffff:ffff:ffff", open: ["[2600:1::]:1"],
      closed: ["[2600:0:ffff:ffff:ffff:ffff:ffff:ffff]:1"]),
    Case(lines: "block-net = 0.0.0.0/0", open: ["[2600::1]:1"], closed: ["8.8.8.8:1", "8.8.8.8/icmp"]),
    Case(
      lines: "block-net = ::/0\nallow-ip = 2600::1", open: ["[2600::1]:1", "8.8.8.8:1"],
      closed: ["[2600::2]:1"]),
    // No IPv6 means none, exceptions included.
    Case(
      lines: "ipv6 = off\nallow-ip = fd00::1\nallow-ip = 2600::1", open: ["8.8.8.8:1"],
      closed: ["[fd00::1]:1", "[2600::1]:1", "[2600::2]:1"]),
    // No network means none, exceptions included.
    Case(
      lines: "network = none\nallow-ip = 10.0.0.1\nallow-ip = 8.8.8.8", open: [],
      closed: ["10.0.0.1:1", "8.8.8.8:1", "8.8.4.4:1", "[2600::1]:1"]),
  ])
  func verdicts(_ sample: Case) throws {
    let plan = try plan(sample.lines)
    for text in sample.open { try check(text, true, plan) }
    for text in sample.closed { try check(text, false, plan) }
  }

  @Test(arguments: [
    ("", "10.1.2.3", "private (RFC 1918)"), ("", "169.254.169.254", "link-local, cloud metadata (RFC 3927)"),
    ("", "168.63.129.16", "cloud metadata (Azure's platform address)"), ("", "8.8.8.8", "the internet"),
    ("", "fd00::1", "unique local (RFC 4193)"),
    ("", "2002:a00:1::", "6to4, wraps an IPv4 address (RFC 3056)"),
    ("", "2001:0:1::", "IETF protocol assignments, Teredo (RFC 2928, RFC 4380)"),
    ("", "192.0.0.1", "the jail's own end of the uplink"),
    ("allow-ip = 10.1.2.3", "10.1.2.3", "test.conf:1:1: allow-ip"),
    ("\n  block-net = 8.0.0.0/8", "8.8.8.8", "test.conf:2:3: block-net"),
    ("ipv6 = off", "2600::1", "test.conf:1:1: ipv6"), ("network = none", "8.8.8.8", "network = none"),
  ])
  func theRuleThatDecidedSaysWhy(lines: String, address: String, reason: String) throws {
    #expect(try plan(lines).decide(flow(address)).rule.origin.description == reason)
  }

  private func check(_ text: String, _ allowed: Bool, _ plan: Plan) throws {
    let flow = try Self.parse(text)
    #expect(plan.decide(flow).allowed == allowed, "\(text)")
    var random = Random(seed: 4)
    let result = try Interpreter(plan.filter).run(Frame.carrying(flow, &random))
    #expect(result == (allowed ? 0xffff_ffff : 0), "filter, \(text)")
  }

  // ADDRESS:PORT, ADDRESS:PORT/udp, [ADDRESS]:PORT, ADDRESS/icmp.
  private static func parse(_ text: String) throws -> Flow {
    let parts = text.split(separator: "/")
    if parts.last == "icmp" {
      return Flow(destination: try ip(String(parts[0])), transport: .icmp, port: 0)
    }
    let colon = try #require(parts[0].lastIndex(of: ":"))
    let address = parts[0][..<colon].filter { $0 != "[" && $0 != "]" }
    return Flow(
      destination: try ip(address), transport: parts.last == "udp" ? .udp : .tcp,
      port: try #require(UInt16(parts[0][parts[0].index(after: colon)...])))
  }
}
