import Policy
import Testing

@Suite struct RemedyTests {
  @Test(arguments: [
    ("10.1.2.3", "allow-ip = 10.1.2.3:443/tcp"), ("fd00::7", "allow-ip = [fd00::7]:443/tcp"),
    ("100.64.0.1", "allow-ip = 100.64.0.1:443/tcp"),
  ])
  func lines(_ address: String, _ line: String) throws {
    let destination = try ip(address)
    #expect(Remedy(destination, .port(443, .tcp), .builtin) == .line(line))
    // It opens what was asked for, and nothing else.
    let plan = try plan(line + "\n")
    #expect(plan.decide(try flow(address)).allowed)
    #expect(!plan.decide(try flow(address, .tcp, 442)).allowed)
    #expect(!plan.decide(try flow(address, .udp)).allowed)
  }

  @Test func widerLine() throws {
    guard case .widerLine(let line, _) = Remedy(try ip("10.1.2.3"), .echo, .builtin) else {
      throw CancellationError()
    }
    #expect(try plan(line + "\n").decide(flow("10.1.2.3", .icmp, 0)).allowed)
  }

  @Test(arguments: [
    "127.0.0.1", "::1", "0.0.0.0", "::", "169.254.169.254", "169.254.1.1", "168.63.129.16", "100.100.100.200",
    "192.0.0.192", "fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fe80::1", "224.0.0.1", "ff02::1",
    "255.255.255.255", "::ffff:10.1.2.3",
  ])
  func nobodyShould(_ address: String) throws {
    guard case .warning = Remedy(try ip(address), .port(80, .tcp), .builtin) else {
      throw CancellationError()
    }
  }

  @Test(arguments: [
    Origin.Kind.hostAddress, .localRoute, .guestSubnet, .configuration, .internet, .noInternet, .networkNone,
  ])
  func nobodyCan(_ kind: Origin.Kind) throws {
    guard case .warning = Remedy(try ip("10.1.2.3"), .port(80, .tcp), kind) else { throw CancellationError() }
  }

  @Test func nameServer() throws {
    guard case .warning = Remedy(try ip("10.1.2.3"), .port(53, .udp), .resolver) else {
      throw CancellationError()
    }
    #expect(Remedy(try ip("10.1.2.3"), .port(443, .tcp), .resolver) == .line("allow-ip = 10.1.2.3:443/tcp"))
  }

  @Test func notCarried() throws {
    for service in [nil, Remedy.Service.port(0, .tcp)] {
      guard case .warning = Remedy(try ip("10.1.2.3"), service, .builtin) else { throw CancellationError() }
    }
  }
}
