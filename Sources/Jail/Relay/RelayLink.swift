import Linux

/// The supervisor's end of the relay. It is not trusted: it reads what the jail sends.
final class RelayLink: Service {
  enum Event {
    /// It has something to report, or room for an order.
    case socket
    case end
  }

  let process: CInt
  /// Readable when it has ended.
  private let end: FileDescriptor
  private let socket: DatagramSocket
  /// Connections that it was not told yet to close. As many as it has, at most.
  private var unclosed: [UInt64] = []
  private var hasEnded = false

  /// So many reports are read before others have their turn.
  private static let batch = 64

  init(process: CInt, end: consuming FileDescriptor, socket: consuming DatagramSocket) {
    self.process = process
    self.end = end
    self.socket = socket
  }

  /// Orders it to listen or to connect, with a copy of a descriptor, which the caller then closes: a connection's reset waits for the
  /// last copy. False if it does not keep up, or is gone.
  func send(_ order: RelayOrder, _ descriptor: borrowing FileDescriptor) -> Bool {
    unclosed.isEmpty && send(order, [descriptor.rawValue])
  }

  /// Has it copy between two connected sockets, of which the caller then closes its own descriptors. False as above.
  func join(
    _ id: UInt64, _ first: borrowing InternetSocket, _ second: borrowing InternetSocket
  ) -> Bool {
    unclosed.isEmpty && send(.join(id: id), [first.descriptor.rawValue, second.descriptor.rawValue])
  }

  /// Waits until it has given up all that it does not need; how many connections it can have. `wait` returns when a descriptor is
  /// readable.
  func awaitReady(_ wait: (CInt) throws -> Void) throws -> Int {
    try wait(socket.descriptor.rawValue)
    guard let message = try socket.receive(), case .ready(let capacity) = RelayReport(message.bytes) else {
      throw SystemCallError("recvmsg", "relay", errno: Errno.EPROTO)
    }
    return capacity
  }

  /// Has it reset a connection, now or as soon as it can be told.
  func close(_ id: UInt64) {
    if !unclosed.isEmpty || !send(.close(id: id), []) { unclosed.append(id) }
  }

  private func send(_ order: RelayOrder, _ descriptors: [CInt]) -> Bool {
    do throws(SystemCallError) {
      return try socket.sendAtOnce(order.bytes, descriptors: descriptors)
    } catch {
      // It is gone, which its end tells, or the kernel is short of memory.
      return false
    }
  }

  /// The socket's own descriptor, for tests.
  var socketNumber: CInt { socket.descriptor.rawValue }

  var interests: [Interest<Event>] {
    if hasEnded { return [] }
    return [.readable(socket.descriptor.rawValue, .socket), .readable(end.rawValue, .end)]
      + (unclosed.isEmpty ? [] : [.writable(socket.descriptor.rawValue, .socket)])
  }
  var deadline: Instant? { nil }

  func handle(_ event: Event?, now: Instant) -> [Effect] {
    switch event {
    case .socket:
      while let id = unclosed.first, send(.close(id: id), []) { unclosed.removeFirst() }
      return reports()
    case .end: return ended()
    case nil: return []
    }
  }

  private func reports() -> [Effect] {
    var effects: [Effect] = []
    for _ in 0..<Self.batch {
      do throws(SystemCallError) {
        switch try socket.receiveAtOnce() {
        case .nothing: return effects
        case .end: return effects + ended()
        case .message(let message):
          for descriptor in message.descriptors { _ = FileDescriptor(owning: descriptor) }
          guard message.descriptors.isEmpty, let report = RelayReport(message.bytes) else {
            return effects + ended()
          }
          effects.append(.relay(report))
        }
      } catch {
        return effects + ended()
      }
    }
    return effects
  }

  private func ended() -> [Effect] {
    if hasEnded { return [] }
    kill()
    hasEnded = true
    return [.relayEnded]
  }

  /// Ends it, and with it every connection.
  func kill() { try? Process.kill(end, Signals.kill) }
}
