import Linux
import Policy
import Testing

@testable import Jail

/// A forwarder and fake resolvers on loopback addresses, in one loop, with a clock that only the test moves.
final class Bench {
  var forwarder: DNSForwarder
  private(set) var resolvers: [FakeResolver] = []
  private let listeners: DNSListeners
  var now = Instant(milliseconds: 1_000_000)
  /// Whether the resolvers get their turn, too.
  var servesResolvers = true
  /// What the supervisor is told.
  private(set) var effects: [Effect] = []

  /// The resolvers' addresses; nobody listens on those in `absent`.
  init(_ addresses: [String], absent: Set<String> = [], directory: NameDirectory? = nil) throws {
    listeners = try DNSListeners(port: 0)
    let (port, resolvers) = try Self.start(addresses.filter { !absent.contains($0) })
    self.resolvers = resolvers
    forwarder = DNSForwarder(
      udp: try listeners.udp.descriptor.duplicate(), tcp: try listeners.tcp.descriptor.duplicate(),
      resolvers: Self.list(addresses), port: port, directory: directory)
  }

  static func list(_ addresses: [String]) -> [HostFacts.Resolver] {
    addresses.compactMap { IPAddress($0) }.map { HostFacts.Resolver(address: $0) }
  }

  /// All on one port, which the kernel chooses: a few tries, as it may be taken on another address.
  private static func start(_ addresses: [String]) throws -> (UInt16, [FakeResolver]) {
    var failure: any Error = SystemCallError("bind", errno: 0)
    for _ in 0..<20 {
      do {
        var port: UInt16 = 0
        var resolvers: [FakeResolver] = []
        for address in addresses {
          let bytes = try #require(IPAddress(address)).bytes
          resolvers.append(try FakeResolver(try #require(SocketAddress(bytes, port: port))))
          port = try resolvers[0].port()
        }
        // Nobody listens on port 9, discard, of a loopback address.
        return (addresses.isEmpty ? 9 : port, resolvers)
      } catch {
        failure = error
      }
    }
    throw failure
  }

  /// A client's socket, connected to the forwarder.
  func client(_ kind: InternetSocket.Kind) throws -> Client {
    try Client(kind, listeners.tcp.localAddress(), self)
  }

  /// Goes round the loop once, as the supervisor does, without waiting for long.
  func turn() throws {
    for event in try wait(forwarder.interests, until: .now + .milliseconds(1)).ready {
      effects += forwarder.handle(event, now: now)
    }
    if let deadline = forwarder.deadline, deadline <= now {
      effects += forwarder.handle(nil, now: now)
    }
    if servesResolvers { for resolver in resolvers { try resolver.serve() } }
  }

  /// What a connection does that needs a name's addresses.
  func find(_ name: DomainName) { effects += forwarder.find(name, now: now) }

  /// Moves the clock and goes round until all is quiet.
  func pass(_ milliseconds: Int = 0) throws {
    now = now + .milliseconds(milliseconds)
    for _ in 0..<20 { try turn() }
  }
}

/// A client of the forwarder.
final class Client {
  let socket: InternetSocket
  private let bench: Bench
  private(set) var input: [UInt8] = []

  init(_ kind: InternetSocket.Kind, _ address: SocketAddress, _ bench: Bench) throws {
    socket = try InternetSocket(kind, for: address)
    try socket.connect(to: address)
    self.bench = bench
  }

  func send(_ bytes: [UInt8]) throws {
    let sent = try socket.send(bytes[...])
    #expect(sent == bytes.count)
  }

  /// The next datagram, if one comes before all is quiet.
  func datagram() throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    for _ in 0..<60 {
      if let count = try socket.receive(into: &buffer) { return Array(buffer[..<count]) }
      try bench.turn()
    }
    return nil
  }

  /// The next message of a stream, if one comes before all is quiet.
  func message() throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    for _ in 0..<200 {
      if let message = takeMessage(from: &input) { return message }
      if let count = try socket.receive(into: &buffer) { input += buffer[..<count] }
      try bench.turn()
    }
    return nil
  }

  /// Whether the other end closes before all is quiet.
  func isClosed() throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    for _ in 0..<60 {
      do throws(SystemCallError) {
        if try socket.receive(into: &buffer) == 0 { return true }
      } catch {
        return true
      }
      try bench.turn()
    }
    return false
  }

  /// Sends a query and returns what comes back.
  func ask(_ message: [UInt8]) throws -> [UInt8]? {
    try send(message)
    return try datagram()
  }

  /// The same over a stream.
  func askFramed(_ message: [UInt8]) throws -> [UInt8]? {
    try send(framed(message))
    return try self.message()
  }
}
