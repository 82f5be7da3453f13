import Glibc
import Linux
import Policy
import Testing

@testable import Jail

/// A relay, and who speaks through it, on loopback addresses in one loop.
final class RelayBench {
  private(set) var relay: Relay
  /// The supervisor's end.
  let supervisor: DatagramSocket
  private let listener: InternetSocket
  private let servers: InternetSocket
  let port: UInt16
  private var nextID: UInt64 = 1
  /// Whether what the relay reports is read.
  var listens = true
  private(set) var reports: [RelayReport] = []

  init(capacity: Int = 100, comfort: Int = .max) throws {
    let pair = try DatagramPair()
    relay = try Relay(
      DatagramSocket(try pair.second.descriptor.duplicate()), capacity: capacity, comfort: comfort)
    supervisor = DatagramSocket(try pair.first.descriptor.duplicate())
    listener = try Self.listening()
    servers = try Self.listening()
    port = try listener.localAddress().port
    try order(.listen(port: port), listener)
  }

  static func address(_ port: UInt16 = 0) throws -> SocketAddress {
    try #require(SocketAddress([127, 0, 0, 1], port: port))
  }

  /// A socket in which little has room, so that what the relay does not pass on is soon noticed.
  static func small() throws -> InternetSocket {
    let socket = try InternetSocket(.stream, for: address())
    var size: CInt = 65_536
    for option in [SO_SNDBUF, SO_RCVBUF] {
      let number = socket.descriptor.rawValue
      // SAFETY: one integer passed with its own size.
      #expect(unsafe setsockopt(number, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<CInt>.size)) == 0)
    }
    return socket
  }

  static func listening() throws -> InternetSocket {
    let socket = try small()
    try socket.bind(to: address())
    try socket.listen(backlog: 4096)
    return socket
  }

  static func accept(_ listener: borrowing InternetSocket) throws -> InternetSocket {
    guard let accepted = try listener.accept() else { throw Nobody() }
    return accepted
  }
  struct Nobody: Error {}

  func order(_ order: RelayOrder, _ socket: borrowing InternetSocket) throws {
    let isSent = try supervisor.sendAtOnce(order.bytes, descriptors: [socket.descriptor.rawValue])
    #expect(isSent)
  }

  /// Has the relay join somebody whom it never saw to a server; who that is.
  func join(_ pair: RelayedPair, as id: UInt64) throws -> Speaker {
    let doors = try Self.listening()
    let client = try Self.small()
    try client.connect(to: doors.localAddress())
    let accepted = try Self.accept(doors)
    let upstream = try pair.upstream.take()
    let isSent = try supervisor.sendAtOnce(
      RelayOrder.join(id: id).bytes,
      descriptors: [accepted.descriptor.rawValue, upstream.descriptor.rawValue])
    #expect(isSent)
    return Speaker(client)
  }

  /// A program that has not connected yet, and the server that it will reach.
  func pair(_ names: [String] = []) throws -> RelayedPair {
    let program = try Self.small()
    try program.bind(to: Self.address())
    let upstream = try Self.small()
    try upstream.connect(to: servers.localAddress())
    let server = try Self.accept(servers)
    let flow = NameFlow(
      source: try program.localAddress().port, address: try #require(IPAddress("127.0.0.1")), port: port)
    defer { nextID += 1 }
    return RelayedPair(
      id: nextID, flow: flow, names: names, program: Speaker(program), server: Speaker(server),
      upstream: upstream)
  }

  func announce(_ pair: RelayedPair) throws {
    try order(.connect(id: pair.id, pair.flow, names: pair.names), pair.upstream.take())
  }

  func connect(_ pair: RelayedPair) throws { try pair.program.socket.connect(to: Self.address(port)) }

  /// A connection that the relay has accepted.
  func connected(_ names: [String] = []) throws -> RelayedPair {
    let pair = try pair(names)
    try announce(pair)
    try connect(pair)
    try until { reports.contains(.accepted(id: pair.id)) }
    return pair
  }

  func turn(_ milliseconds: Int = 5) throws {
    try relay.turn(until: .now + .milliseconds(milliseconds))
    while listens, case .message(let message) = try supervisor.receiveAtOnce() {
      reports.append(try #require(RelayReport(message.bytes)))
    }
  }

  /// What is looked for once a second, as if so much time had passed.
  func look(after time: Duration) throws {
    try relay.look(now: .now + time)
    try turn()
  }

  /// Goes on until something is so.
  func until(
    _ limit: Duration = .seconds(20), _ isSo: () throws -> Bool,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let end = Instant.now + limit
    while Instant.now < end {
      if try isSo() { return }
      try turn()
    }
    Issue.record("it never came", sourceLocation: sourceLocation)
  }
}

/// A connection through the relay, by both its ends.
final class RelayedPair {
  let id: UInt64
  let flow: NameFlow
  let names: [String]
  let program: Speaker
  let server: Speaker
  var upstream: SocketOnce

  init(
    id: UInt64, flow: NameFlow, names: [String], program: Speaker, server: Speaker,
    upstream: consuming InternetSocket
  ) {
    self.id = id
    self.flow = flow
    self.names = names
    self.program = program
    self.server = server
    self.upstream = SocketOnce(upstream)
  }
}

/// A socket that can be let go of.
struct SocketOnce: ~Copyable {
  private var socket: InternetSocket?
  init(_ socket: consuming InternetSocket) { self.socket = consume socket }
  mutating func take() throws -> InternetSocket {
    guard let socket = socket.take() else { throw RelayBench.Nobody() }
    return socket
  }
}

/// One end of a connection.
final class Speaker {
  let socket: InternetSocket
  private(set) var received: [UInt8] = []
  private(set) var hasEnded = false
  private var buffer = [UInt8](repeating: 0, count: 65_536)

  init(_ socket: consuming InternetSocket) { self.socket = socket }

  /// All of it; it has to fit into the socket.
  func say(_ bytes: some Sequence<UInt8>) throws {
    let bytes = Array(bytes)
    #expect(try socket.send(bytes[...]) == bytes.count)
  }

  /// As much as goes now; what is left.
  func say(from bytes: inout ArraySlice<UInt8>) throws {
    while !bytes.isEmpty, let count = try socket.send(bytes.prefix(200_000)) {
      bytes = bytes.dropFirst(count)
    }
  }

  /// Reads what is there, at most so many bytes. Throws what the connection ended with.
  func hear(atMost limit: Int = .max) throws {
    var limit = limit
    while limit > 0, !hasEnded, let count = try socket.receive(into: &buffer, limit: limit) {
      if count == 0 { hasEnded = true }
      received += buffer[..<count]
      limit -= count
    }
  }

  func hears(_ text: String) throws -> Bool {
    try hear()
    return received == Array(text.utf8)
  }

  /// Resets the connection.
  func breakOff() throws {
    try socket.resetWhenClosed()
    // Takes the socket's place, which closes it.
    try FileDescriptor.open("/dev/null", FileDescriptor.readOnly).place(at: socket.descriptor.rawValue)
  }

  /// The error number that the connection ended with; nil while it goes on.
  func failure() -> CInt? {
    do throws(SystemCallError) {
      while let count = try socket.receive(into: &buffer) { if count == 0 { return nil } }
      return nil
    } catch {
      return error.errno
    }
  }
}
