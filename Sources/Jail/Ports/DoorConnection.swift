import Linux
import Policy

/// A connection to the server behind a door, until it is there: for somebody who came to the door, or for a preview.
final class DoorConnection {
  /// Who gets the other end.
  enum Client {
    /// Somebody who was accepted at a door.
    case accepted(Door, InternetSocketBox)
    /// Somebody who asks for it by the control socket.
    case control(UInt64)
  }

  let id: UInt64
  let rule: DoorRule
  let client: Client
  /// Where the server may be, in the order in which they are tried.
  private var candidates: [IPAddress]
  private var attempt: Attempt?
  private var error: CInt = Errno.ECONNREFUSED
  /// When it has taken too long.
  let deadline: Instant
  /// What it is in the set of sockets that are waited for; nil when it is not in it.
  var token: UInt64?

  private static let patience = Duration.seconds(10)

  enum Outcome {
    /// Until this is writable.
    case waiting(CInt)
    /// Until there is a socket of the jail's.
    case thirsty
    case connected(InternetSocketBox)
    case failed(CInt)
  }

  init(_ id: UInt64, _ rule: DoorRule, for client: Client, to candidates: [IPAddress], now: Instant) {
    self.id = id
    self.rule = rule
    self.client = client
    self.candidates = candidates
    deadline = now + Self.patience
  }

  /// What is waited for; nil if it waits for a socket.
  var descriptor: CInt? { attempt?.box.socket.descriptor.rawValue }

  /// Goes as far as it can without waiting. `make` gives a socket that can reach an address; nil means later.
  func advance(
    now: Instant, _ make: (Family) throws(SystemCallError) -> InternetSocket?
  ) -> Outcome {
    if now >= deadline { return .failed(Errno.ETIMEDOUT) }
    while true {
      if let attempt {
        guard let result = attempt.result else { return .waiting(attempt.box.socket.descriptor.rawValue) }
        if result == 0 { return .connected(attempt.box) }
        note(result)
        self.attempt = nil
      }
      guard let address = candidates.first else { return .failed(error) }
      do throws(SystemCallError) {
        guard let target = SocketAddress(address.bytes, port: rule.targetPort) else { return .failed(error) }
        guard let socket = try make(address.family) else { return .thirsty }
        candidates.removeFirst()
        try socket.connect(to: target)
        attempt = Attempt(InternetSocketBox(socket), target)
      } catch {
        note(error.errno)
        if candidates.first == address { candidates.removeFirst() }
      }
    }
  }

  /// What an address says that is not there is no news, where another one refuses.
  private func note(_ result: CInt) {
    if ![Errno.EAFNOSUPPORT, Errno.EADDRNOTAVAIL, Errno.ENETUNREACH].contains(result) { error = result }
  }

  /// One of the server's addresses.
  private struct Attempt {
    let box: InternetSocketBox
    private let target: SocketAddress

    init(_ box: InternetSocketBox, _ target: SocketAddress) {
      self.box = box
      self.target = target
    }

    /// nil while it goes on; 0 when it is connected; otherwise what it failed with.
    var result: CInt? {
      do throws(SystemCallError) {
        let result = try box.socket.connectResult(target)
        if result != 0 { return result }
        // Where nobody listens, the kernel may choose this very port for this end, and connect the socket to itself. Closed, it would keep
        // the port from the server for a minute.
        guard try box.socket.localAddress() == target else { return 0 }
        try box.socket.resetWhenClosed()
        return Errno.ECONNREFUSED
      } catch {
        return error.errno
      }
    }
  }
}
