import Linux
import Policy

/// A name server on a loopback address, over UDP and TCP, driven by the test's own loop.
final class FakeResolver {
  private let udp: InternetSocket
  private let tcp: InternetSocket
  private var connections: [Connection] = []
  /// What it answers; nil is silence.
  var reply: ([UInt8]) -> [UInt8]? = { answer($0, record: record(1)) }
  /// Closes a connection when it has read a query.
  var hangsUp = false
  private(set) var datagrams: [[UInt8]] = []
  private(set) var senders: [SocketAddress] = []
  private(set) var streamed: [[UInt8]] = []

  private final class Connection {
    let socket: InternetSocket
    var input: [UInt8] = []
    var output: ArraySlice<UInt8> = []
    init(_ socket: consuming InternetSocket) { self.socket = socket }
  }

  init(_ address: SocketAddress) throws {
    tcp = try InternetSocket(.stream, for: address)
    try tcp.bind(to: address)
    try tcp.listen(backlog: 64)
    udp = try InternetSocket(.datagram, for: address)
    try udp.bind(to: try tcp.localAddress())
  }

  func port() throws -> UInt16 { try tcp.localAddress().port }

  /// Sends a datagram of its own accord.
  func send(_ message: [UInt8], to address: SocketAddress) throws { try udp.send(message, to: address) }

  /// Takes and answers whatever is there.
  func serve() throws {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while let (count, sender) = try udp.receiveDatagram(into: &buffer) {
      datagrams.append(Array(buffer[..<count]))
      senders.append(sender)
      if let message = reply(Array(buffer[..<count])) { try udp.send(message, to: sender) }
    }
    while let socket = try tcp.accept() { connections.append(Connection(socket)) }
    connections = try connections.filter { try serve($0, &buffer) }
  }

  private func serve(_ connection: Connection, _ buffer: inout [UInt8]) throws -> Bool {
    while let count = try connection.socket.receive(into: &buffer) {
      if count == 0 { return false }
      connection.input += buffer[..<count]
      while let message = takeMessage(from: &connection.input) {
        streamed.append(message)
        if hangsUp { return false }
        if let message = reply(message) { connection.output += framed(message) }
      }
    }
    while !connection.output.isEmpty, let count = try connection.socket.send(connection.output) {
      connection.output = connection.output.dropFirst(count)
    }
    return true
  }
}

/// The first whole message of a stream.
func takeMessage(from stream: inout [UInt8]) -> [UInt8]? {
  guard stream.count >= 2 else { return nil }
  let length = Int(stream[0]) << 8 | Int(stream[1])
  guard stream.count >= 2 + length else { return nil }
  let message = Array(stream[2..<2 + length])
  stream.removeFirst(2 + length)
  return message
}
