import Testing

@testable import Policy

/// `allow-host-port` and `publish`.
struct PortLineTests {
  @Test(
    arguments: [
      ("5432", 5432...5432, 5432, .tcp), ("5432/tcp", 5432...5432, 5432, .tcp), ("53/udp", 53...53, 53, .udp),
      ("5432:15432", 5432...5432, 15432, .tcp), ("5432:15432/udp", 5432...5432, 15432, .udp),
      ("8000-8009", 8000...8009, 8000, .tcp), ("8000-8009:9000-9009", 8000...8009, 9000, .tcp),
      ("1-2:65534-65535/udp", 1...2, 65534, .udp), ("5432-5432:1", 5432...5432, 1, .tcp),
    ] as [(String, ClosedRange<UInt16>, UInt16, TransportProtocol)])
  func hostPorts(value: String, outside: ClosedRange<UInt16>, inside: UInt16, transport: TransportProtocol)
    throws
  {
    let configuration = try configuration("\n allow-host-port = \(value) # why")
    #expect(
      configuration.hostPorts == [
        Sourced(
          HostPorts(outside, inside: inside, transport), at: .init(file: "test.conf", line: 2, column: 2))
      ])
  }

  @Test(
    arguments: [
      ("5173", nil, 5173, 5173, .tcp), ("5173/udp", nil, 5173, 5173, .udp),
      ("5173/tcp", nil, 5173, 5173, .tcp),
      ("8080:5173", nil, 8080, 5173, .tcp), ("0:5173", nil, 0, 5173, .tcp),
      ("127.0.0.1:8080:5173", "127.0.0.1", 8080, 5173, .tcp), ("127.0.0.2:0:5/udp", "127.0.0.2", 0, 5, .udp),
      ("[::1]:8080:5173", "::1", 8080, 5173, .tcp), ("0.0.0.0:80:80", "0.0.0.0", 80, 80, .tcp),
      ("[::]:65535:1/udp", "::", 65535, 1, .udp), ("[fd00::3]:1:1", "fd00::3", 1, 1, .tcp),
    ] as [(String, String?, UInt16, UInt16, TransportProtocol)])
  func publishedPorts(
    value: String, address: String?, outside: UInt16, inside: UInt16, transport: TransportProtocol
  ) throws {
    let port = PublishedPort(try address.map(ip), outside: outside, inside: inside, transport)
    #expect(try PublishedPort(parsing: value) == port)
    #expect(try PublishedPort(parsing: "\(port)") == port)
    #expect(try configuration("publish = \(value)").publications.map(\.value) == [.port(port)])
  }

  @Test func whateverIsListenedOn() throws {
    #expect(
      try configuration("publish = auto\npublish = 1").publications.map(\.value.description) == ["auto", "1"])
    let error = try #require(throws: PortSyntaxError.self) { try PublishedPort(parsing: "auto") }
    #expect(error.hint.contains("publish = auto in /etc/claude-sandbox.conf"))
  }

  @Test(arguments: [
    "", " 5173", "5173 ", "5173\n", "5173#", "\u{1b}[2J", "5173\u{200b}", String(repeating: "1", count: 80),
  ])
  func aPortAloneIsRefusedAsALineIs(text: String) throws {
    let error = try #require(throws: PortSyntaxError.self) { try PublishedPort(parsing: text) }
    #expect(!error.message.isEmpty && !error.message.unicodeScalars.contains { $0.value < 0x20 })
  }

  @Test(arguments: [
    ("127.0.0.1:1:1", true), ("127.9.9.9:1:1", true), ("[::1]:1:1", true), ("1", true),
    ("0.0.0.0:1:1", false),
    ("[::]:1:1", false), ("10.0.0.1:1:1", false), ("[::2]:1:1", false), ("[::7f00:1]:1:1", false),
  ])
  func loopbackIsToldApart(value: String, isOnLoopback: Bool) throws {
    #expect(try PublishedPort(parsing: value).isOnLoopback == isOnLoopback)
  }

  @Test func theHostsPortBehindOneOfTheJails() {
    let ports = HostPorts(8000...8009, inside: 65520, .tcp)
    #expect(ports.outside(of: 65519) == nil && ports.outside(of: 65520) == 8000)
    #expect(
      ports.outside(of: 65529) == 8009 && ports.outside(of: 65530) == nil && ports.outside(of: 1) == nil)
  }

  private static let twice = "change or remove one of the two lines"

  @Test(arguments: [
    (
      "allow-host-port = 1:5", "allow-host-port = 2:5", 19,
      "the jail's port 5 cannot lead to two ports of the host"
    ),
    (
      "allow-host-port = 8000-8009", "allow-host-port = 1:8009", 19,
      "the jail's port 8009 cannot lead to two ports of the host"
    ),
    (
      "allow-host-port = 10-20", "allow-host-port = 12-30:11-29", 19,
      "the jail's port 11 cannot lead to two ports of the host"
    ),
    ("publish = 80:1", "publish = 80:2", 11, "the host's port 80 cannot be published at twice"),
    ("publish = 80:1", "publish = 127.0.0.1:80:1", 11, "the host's port 80 cannot be published at twice"),
    ("publish = [::1]:80:1", "publish = 80", 11, "the host's port 80 cannot be published at twice"),
    (
      "publish = 10.0.0.1:80:1", "publish = 0.0.0.0:80:2", 11,
      "the host's port 80 cannot be published at twice"
    ),
    ("publish = [::]:80:1", "publish = 80:1", 11, "the host's port 80 cannot be published at twice"),
    (
      "allow-host-port = 5432", "publish = 9:5432", 11,
      "the jail's port 5432 cannot lead to the host and be published"
    ),
    (
      "publish = 8005/udp", "allow-host-port = 8000-8009/udp", 19,
      "the jail's port 8005 cannot lead to the host and be published"
    ),
  ])
  func collisionsNameBothLines(first: String, second: String, column: Int, message: String) throws {
    let diagnostic = try complaint("# one\n\(first)\n\(second)")
    #expect(diagnostic.location.description == "test.conf:3:\(column)")
    #expect(diagnostic.message == "\(message): test.conf:2:1: \(first)")
    #expect(diagnostic.hint == Self.twice)
  }

  @Test(arguments: [
    "allow-host-port = 5432\nallow-host-port = 5432", "allow-host-port = 1:5\nallow-host-port = 2:5/udp",
    "allow-host-port = 10-20\nallow-host-port = 15-25", "allow-host-port = 1:5\nallow-host-port = 1:6",
    "publish = 80:1\npublish = 80:1", "publish = 80:1\npublish = 80:2/udp", "publish = 0:1\npublish = 0:2",
    "publish = 80:1\npublish = 81:1", "publish = 127.0.0.1:80:1\npublish = [::1]:80:2",
    "publish = 127.0.0.1:80:1\npublish = 127.0.0.2:80:2", "publish = 0.0.0.0:80:1\npublish = [::1]:80:2",
    "publish = 5432:1\nallow-host-port = 5432", "publish = 53/udp\nallow-host-port = 53",
    "publish = auto\npublish = auto",
  ])
  func whatCanStandTogether(text: String) throws {
    #expect(throws: Never.self) { try configuration(text) }
  }

  @Test func portsAreCounted() throws {
    let full = "allow-host-port = 1000-1127\nallow-host-port = 2000-2126\nallow-host-port = 3000"
    #expect(try configuration(full).hostPorts.count == 3)
    let one = try complaint(full + "\nallow-host-port = 3001")
    #expect(one.message == "a jail can have at most 256 ports of the host")
    #expect(one.hint == "with this line there would be 257" && one.line == 4)
    #expect(try complaint("allow-host-port = 1-65535").hint == "with this line there would be 65535")
    let published = (1...64).map { "publish = \($0)" }.joined(separator: "\n") + "\npublish = auto"
    #expect(try configuration(published).publications.count == 65)
    #expect(try complaint(published + "\npublish = 65").message == "a jail can publish at most 64 ports")
  }

  @Test func aPortThatIsAskedForLater() throws {
    let configuration = try configuration("allow-host-port = 5432\npublish = 80:1")
    let port = try PublishedPort(parsing: "80:2")
    #expect(configuration.collision(with: .published(port))?.reason == .twoInFront(outside: 80))
    #expect(configuration.collision(with: .published(port))?.line.location?.line == 2)
    #expect(
      try configuration.collision(with: .published(PublishedPort(parsing: "5432")))?.reason
        == .loop(inside: 5432))
    #expect(try configuration.collision(with: .published(PublishedPort(parsing: "81:1"))) == nil)
  }
}
