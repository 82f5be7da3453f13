import Linux
import Netlink
import Policy
import Record
import Testing

@testable import Jail

/// What the service of the ports is made of. As a whole it needs a jail: see Tests/JailTests/test_ports.py.
struct DoorTests {
  private static func free() throws -> UInt16 { try RelayBench.listening().localAddress().port }

  private static func rule(outside: UInt16, inside: UInt16 = 1, at address: String? = nil) throws -> DoorRule
  {
    DoorRule(
      PublishedPort(try address.map { try #require(IPAddress($0)) }, outside: outside, inside: inside, .tcp))
  }

  private static func make(_ family: Family) throws(SystemCallError) -> InternetSocket? {
    guard let any = SocketAddress(IPAddress.any(family).bytes, port: 0) else { return nil }
    return try InternetSocket(.stream, for: any)
  }

  private static func open(_ door: Door) throws {
    var token: UInt64 = 0
    try door.open(
      make,
      token: {
        token += 1
        return token
      })
  }

  @Test func aPlainPortListensInBothFamilies() throws {
    let door = Door(try Self.rule(outside: 0))
    try Self.open(door)
    #expect(door.listeners.map { "\($0.address)" } == ["127.0.0.1", "::1"])
    #expect(door.port > 0)
    for listener in door.listeners { #expect(try listener.socket.localAddress().port == door.port) }
  }

  @Test func anAddressIsListenedAtAlone() throws {
    let door = Door(try Self.rule(outside: Self.free(), at: "127.0.0.1"))
    try Self.open(door)
    #expect(door.listeners.map { "\($0.address)" } == ["127.0.0.1"])
  }

  /// Who looks for localhost in the other family would find somebody else.
  @Test func oneFamilyThatIsTakenIsEnough() throws {
    let port = try Self.free()
    let taken = Door(try Self.rule(outside: port, at: "::1"))
    try Self.open(taken)
    let door = Door(try Self.rule(outside: port))
    #expect(throws: SystemCallError("bind", "[::1]:\(port)", errno: Errno.EADDRINUSE)) { try Self.open(door) }
    #expect(!door.isOpen)
    taken.close()
    try Self.open(door)
    #expect(door.listeners.count == 2)
  }

  @Test func withoutSocketsNothingListensYet() throws {
    let door = Door(try Self.rule(outside: Self.free()))
    try door.open(
      { (family) throws(SystemCallError) in family == .ipv4 ? try Self.make(family) : nil }, token: { 1 })
    #expect(!door.isOpen && door.problem == nil)
  }

  @Test func aMachineWithoutIPv6HasOneLoopback() throws {
    let door = Door(try Self.rule(outside: 0))
    try door.open(
      { (family) throws(SystemCallError) in
        if family == .ipv6 { throw SystemCallError("socket", errno: Errno.EAFNOSUPPORT) }
        return try Self.make(family)
      }, token: { 1 })
    #expect(door.listeners.map { "\($0.address)" } == ["127.0.0.1"])
  }

  @Test func aRangeKeepsItsOrderInside() {
    let rules = DoorRule.all(HostPorts(5000...5002, inside: 6000, .udp))
    #expect(rules.map(\.outside) == [5000, 5001, 5002])
    #expect(rules.map(\.inside) == [6000, 6001, 6002])
    #expect(rules.allSatisfy { $0.transport == .datagram && $0.listeningPort == $0.inside })
  }

  private static func connection(to port: UInt16, _ addresses: [IPAddress]) -> DoorConnection {
    let rule = DoorRule(kind: .hostPort, transport: .stream, outside: port, inside: 1)
    return DoorConnection(1, rule, for: .control(1), to: addresses, now: .now)
  }

  @Test func theNextAddressIsTriedWhereOneRefuses() throws {
    let listener = Door(try Self.rule(outside: Self.free(), at: "::1"))
    try Self.open(listener)
    let connection = Self.connection(to: listener.port, DoorRule.loopback)
    guard case .connected(let box) = connection.advance(now: .now, Self.make) else {
      Issue.record("not connected")
      return
    }
    #expect(try box.socket.localAddress().address.count == 16)
  }

  @Test func whereNobodyIsItIsRefused() throws {
    let connection = Self.connection(to: try Self.free(), DoorRule.loopback)
    guard case .failed(Errno.ECONNREFUSED) = connection.advance(now: .now, Self.make) else {
      Issue.record("not refused")
      return
    }
  }

  @Test func itWaitsForSocketsButNotForEver() throws {
    let connection = Self.connection(to: try Self.free(), DoorRule.loopback)
    guard case .thirsty = connection.advance(now: .now, { _ in nil }) else {
      Issue.record("went on")
      return
    }
    guard case .failed(Errno.ETIMEDOUT) = connection.advance(now: connection.deadline, { _ in nil }) else {
      Issue.record("waits on")
      return
    }
  }

  @Test func theFirstRefusalIsToldAtOnceAndOthersTogether() throws {
    var refused = RefusedDoors()
    let rule = try Self.rule(outside: 5173, inside: 5173)
    let now = Instant.now
    func texts(_ effects: [Effect]) -> [String] {
      effects.compactMap { if case .port(let event) = $0 { event.text } else { nil } }
    }
    #expect(
      texts(refused.add(rule, Errno.ECONNREFUSED, now: now)) == ["publish 5173/tcp: Connection refused"])
    for _ in 0..<3 { #expect(texts(refused.add(rule, Errno.ECONNREFUSED, now: now)).isEmpty) }
    #expect(texts(refused.due(now)).isEmpty)
    let later = try #require(refused.deadline)
    #expect(texts(refused.due(later)) == ["publish 5173/tcp: Connection refused (3 times)"])
    _ = refused.due(later + .seconds(60))
    #expect(refused.deadline == nil)
  }

  @Test func numbersThatTheHostHadAreNotTaken() throws {
    var auto = try AutoPublisher(now: .now)
    let listener = try RelayBench.listening()
    let port = try listener.localAddress().port
    #expect(auto.look([80, 1023, 1024, 5173], own: [], now: .now) == [1024, 5173])
    #expect(auto.usedOutside.contains(port))
    _ = consume listener
    _ = auto.look([], own: [], now: .now)
    #expect(auto.usedOutside.contains(port))
    #expect(auto.look(nil, own: [], now: .now) == nil)
  }

  /// Often while something changes, seldom while nothing does.
  @Test func whereNothingChangesItLooksSeldom() throws {
    var auto = try AutoPublisher(now: .now)
    var now = Instant.now
    var waits: [Int] = []
    for port in [5173, 5173, 5173, 5173, 5173, 5173, 5174] as [UInt16] {
      _ = auto.look([port], own: [], now: now)
      waits.append(auto.next.milliseconds(since: now))
      now = auto.next
    }
    #expect(waits.max() == 2000 && waits.first == 250)
    _ = auto.look([5174], own: [], now: now)
    #expect(auto.next.milliseconds(since: now) < 600)
  }
}

struct RelayJoinTests {
  /// What is spoken in it is not looked at: HTTP of no host would be refused to a name.
  @Test func twoSocketsBecomeOneConnection() throws {
    let bench = try RelayBench()
    let pair = try bench.pair()
    let accepted = try bench.join(pair, as: pair.id)
    try accepted.say("GET / HTTP/1.1\r\n\r\n".utf8)
    try bench.until { try pair.server.hears("GET / HTTP/1.1\r\n\r\n") }
    try pair.server.say("yes".utf8)
    try bench.until { try accepted.hears("yes") }
    try bench.supervisor.send(RelayOrder.close(id: pair.id).bytes)
    try bench.until { bench.reports.contains(.closed(id: pair.id)) }
  }

  @Test func aNumberTwiceEndsIt() throws {
    let bench = try RelayBench()
    _ = try bench.join(bench.pair(), as: 1)
    try bench.turn()
    _ = try bench.join(bench.pair(), as: 1)
    #expect(throws: Relay.End.senseless) { try bench.turn() }
  }
}

struct ControlRequestTests {
  private static let requests: [ControlRequest] = [
    .status, .reload, .listening, .connect(port: 5173),
    .publish(PublishedPort(nil, outside: 5173, inside: 5173, .tcp)),
    .unpublish(PublishedPort(IPAddress("::1"), outside: 0, inside: 65535, .udp)),
  ]

  @Test(arguments: requests) func itIsReadAsItWasWritten(_ request: ControlRequest) {
    #expect(ControlRequest(text: request.text) == request)
    #expect(request.text.utf8.count <= ControlRequest.longest)
  }

  @Test(arguments: [
    "", "Status", "status ", " status", "connect", "connect 0", "connect 65536", "connect -1", "connect 1 2",
    "publish", "publish auto", "publish 5173 5174", "publish ", "unpublish x",
  ])
  func othersAreNone(_ text: String) { #expect(ControlRequest(text: text) == nil) }

  @Test(arguments: [
    ("/home/user/My Project", "my-project"), ("/srv/ünïcode_x", "n-code-x"), ("/", "jail"), ("", "jail"),
    ("/tmp/2024", "jail-2024"),
    ("/a/" + String(repeating: "x", count: 99), String(repeating: "x", count: 40)),
    ("/a/" + String(repeating: "x", count: 39) + "-y", String(repeating: "x", count: 39)), ("/a/--", "jail"),
  ])
  func aJailHasALabel(_ directory: String, _ label: String) {
    #expect(JailStatus.name(of: directory) == label)
  }
}
