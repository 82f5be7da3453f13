import Linux
import Policy

/// What one sender sends to a door, and what comes back. Datagrams are passed as they are; nothing in them is looked at.
final class DatagramFlow {
  /// What its socket is in the set of sockets that are waited for.
  let token: UInt64
  let door: Door
  /// Where it came in, and where answers go out.
  let listener: DoorListener
  let sender: SocketAddress
  private var candidates: [IPAddress]
  /// What was sent to the first of them, while the others were not tried and nobody has answered.
  private var first: [UInt8] = []
  private var socket: InternetSocketBox?
  /// When it was used last.
  private(set) var latest: Instant

  /// A longer datagram is not sent twice. Bytes.
  private static let longestKept = 1500
  /// One that is not used is forgotten after this time (RFC 4787 section 4.3 asks for two minutes at least).
  static let patience = Duration.seconds(120)

  init(
    _ token: UInt64, _ door: Door, _ listener: DoorListener, from sender: SocketAddress,
    to candidates: [IPAddress],
    now: Instant
  ) {
    self.token = token
    self.door = door
    self.listener = listener
    self.sender = sender
    self.candidates = candidates
    latest = now
  }

  var descriptor: CInt? { socket?.socket.descriptor.rawValue }

  /// Sends one on; true if it now has another socket to wait for. What cannot be sent is lost, as datagrams are. Where nobody is at one
  /// of the server's addresses, the next datagram goes to the next one.
  func send(
    _ bytes: ArraySlice<UInt8>, now: Instant, _ make: (Family) throws(SystemCallError) -> InternetSocket?
  ) -> Bool {
    latest = now
    var isNew = false
    while true {
      do throws(SystemCallError) {
        if socket == nil {
          guard let address = candidates.first,
            let target = SocketAddress(address.bytes, port: door.rule.targetPort),
            let made = try make(address.family)
          else { return isNew }
          try made.connect(to: target)
          socket = InternetSocketBox(made)
          isNew = true
        }
        _ = try socket?.socket.send(bytes)
        if candidates.count > 1, first.isEmpty, bytes.count <= Self.longestKept { first = Array(bytes) }
        return isNew
      } catch {
        // Of the last one the socket stays: somebody may come to be there.
        guard candidates.count > 1 || socket == nil else { return isNew }
        candidates.removeFirst()
        socket = nil
      }
    }
  }

  /// What is to be sent once more: nobody is where it was sent to, and the server may be elsewhere.
  var unanswered: [UInt8]? { socket == nil && !first.isEmpty ? first : nil }

  /// Passes one answer on; false if there is none. Where nobody is, the next datagram goes to the next of the server's addresses.
  func answer(_ buffer: inout [UInt8], now: Instant) -> Bool {
    do throws(SystemCallError) {
      guard let count = try socket?.socket.receive(into: &buffer) else { return false }
      latest = now
      // The server is here.
      candidates = Array(candidates.prefix(1))
      first = []
      try? listener.socket.send(Array(buffer[..<count]), to: sender)
      return true
    } catch {
      if candidates.count > 1 {
        candidates.removeFirst()
        socket = nil
      }
      return false
    }
  }
}
