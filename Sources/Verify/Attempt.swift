import Jail
import Linux
import Policy

/// One try to send something to an address.
struct Attempt: Sendable {
  let kind: InternetSocket.Kind
  let choice: InternetSocket.LinkChoice
  let address: IPAddress
  let port: UInt16

  /// Whom it would reach: a packet to an IPv4-mapped address (RFC 4291) leaves as IPv4.
  var destination: IPAddress {
    let bytes = address.bytes
    let isMapped = bytes.count == 16 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10..<12] == [0xff, 0xff]
    return isMapped ? IPAddress(bytes: bytes[12...]) ?? address : address
  }

  /// What came of it.
  enum Outcome: Hashable, CustomStringConvertible {
    case connected
    case refused(CInt)
    case silence

    var description: String {
      switch self {
      case .connected: "connected"
      case .refused(let code): errnoName(code)
      case .silence: "no answer"
      }
    }
  }

  /// How long a refusal may take, of which each takes less than a millisecond.
  private static let patience = Duration.milliseconds(500)
  /// How many wait at the same time: fewer than a process may have open, and than are answered at once.
  private static let crowd = 100

  /// A socket on its way.
  private final class Pending {
    let socket: InternetSocket
    init(_ socket: consuming InternetSocket) { self.socket = socket }
  }

  /// What comes of each. What had no answer is tried once more: a datagram may be lost, and refusals are limited.
  static func all(_ attempts: [Attempt]) -> [Outcome] {
    var outcomes: [Outcome] = []
    for start in stride(from: 0, to: attempts.count, by: crowd) {
      outcomes += atOnce(Array(attempts[start..<min(start + crowd, attempts.count)]), patience: patience)
    }
    let silent = outcomes.indices.filter { outcomes[$0] == .silence }.prefix(crowd)
    for (index, outcome) in zip(silent, atOnce(silent.map { attempts[$0] }, patience: patience)) {
      outcomes[index] = outcome
    }
    return outcomes
  }

  /// Makes all attempts at once, and waits until each has an answer.
  static func atOnce(_ attempts: [Attempt], patience: Duration) -> [Outcome] {
    var outcomes = attempts.map { _ in Outcome.silence }
    var pending: [(index: Int, socket: Pending)] = []
    for (index, attempt) in attempts.enumerated() {
      do throws(SystemCallError) {
        pending.append((index, Pending(try attempt.begin())))
      } catch {
        outcomes[index] = .refused(error.errno)
      }
    }
    let deadline = Instant.now + patience
    while !pending.isEmpty {
      let interests = pending.map { entry in
        let descriptor = entry.socket.socket.descriptor.rawValue
        return attempts[entry.index].kind == .stream
          ? Interest.writable(descriptor, entry.index) : .readable(descriptor, entry.index)
      }
      guard let (ready, _) = try? wait(interests, until: deadline), !ready.isEmpty else { break }
      let answered = Set(ready)
      pending.removeAll { entry in
        guard answered.contains(entry.index) else { return false }
        let code = (try? entry.socket.socket.pendingError()) ?? 0
        outcomes[entry.index] = code == 0 ? .connected : .refused(code)
        return true
      }
    }
    return outcomes
  }

  static func connect(to address: SocketAddress) -> Bool {
    guard let socket = try? InternetSocket(.stream, for: address) else { return false }
    guard (try? socket.connect(to: address)) != nil else { return false }
    _ = try? wait([.writable(socket.descriptor.rawValue, ())], until: .now + patience)
    return (try? socket.pendingError()) == 0
  }

  private func begin() throws(SystemCallError) -> InternetSocket {
    guard let peer = SocketAddress(address.bytes, port: port, scope: scope) else {
      throw SystemCallError("connect", errno: Errno.EINVAL)
    }
    let socket = try InternetSocket(kind, for: peer)
    let index = linkIndex(ofZone: Uplink.linkName) ?? 0
    try socket.leave(by: choice, link: Uplink.linkName, index: index)
    switch (kind, choice) {
    case (.stream, _):
      try socket.connect(to: peer)
    case (.datagram, .packetInfo):
      try socket.expectRefusals()
      try socket.send([0], to: peer, byLink: index)
    case (.datagram, _):
      try socket.expectRefusals()
      try socket.send([0], to: peer)
    }
    return socket
  }

  /// A link-local address needs a link.
  private var scope: UInt32 {
    let bytes = address.bytes
    let isLinkLocal = bytes.count == 16 && (bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 || bytes[0] == 0xff)
    return isLinkLocal ? linkIndex(ofZone: Uplink.linkName) ?? linkIndex(ofZone: "lo") ?? 0 : 0
  }
}
