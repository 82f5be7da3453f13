import Linux

/// One of a connection's two sockets: the jail's side of it, or the peer's.
final class RelayLeg {
  private let socket: InternetSocket
  /// What the socket has not taken yet.
  private var kept: ArraySlice<UInt8> = []
  /// Nothing more comes from it.
  private(set) var hasEnded = false
  /// It was told that nothing more comes.
  private(set) var isFinished = false
  /// It is over in both directions, which epoll(7) tells for ever.
  var hasHungUp = false
  /// What it is in the epoll set for; nil when it is not in it.
  private var registered: EpollSet.Readiness?

  init(_ socket: consuming InternetSocket) { self.socket = socket }

  /// Whether it has taken all that it was given.
  var isFree: Bool { kept.isEmpty }
  var keptCount: Int { kept.count }

  /// What has come from it, at most `limit` bytes; nil if nothing has. None are the end.
  func receive(into buffer: inout [UInt8], limit: Int) throws(RelayEnding) -> Int? {
    do throws(SystemCallError) {
      let count = try socket.receive(into: &buffer, limit: limit)
      if count == 0 { hasEnded = true }
      return count
    } catch {
      throw .reset
    }
  }

  /// Sends bytes, and keeps what the socket does not take.
  func give(_ bytes: ArraySlice<UInt8>) throws(RelayEnding) {
    guard kept.isEmpty else {
      kept += bytes
      return
    }
    let taken = try send(bytes)
    if taken < bytes.count { kept = Array(bytes.dropFirst(taken))[...] }
  }

  /// Sends what was kept, as far as it is taken.
  func flush() throws(RelayEnding) {
    if kept.isEmpty { return }
    kept = kept.dropFirst(try send(kept))
    if kept.isEmpty { kept = [] }
  }

  private func send(_ bytes: ArraySlice<UInt8>) throws(RelayEnding) -> Int {
    if bytes.isEmpty { return 0 }
    do throws(SystemCallError) {
      return try socket.send(bytes) ?? 0
    } catch {
      throw .reset
    }
  }

  /// Passes on that nothing more comes, once it has taken all.
  func finish() throws(RelayEnding) {
    if isFinished || !kept.isEmpty { return }
    do throws(SystemCallError) {
      try socket.finishSending()
      isFinished = true
    } catch {
      throw .reset
    }
  }

  /// It resets its connection when it is closed. Best effort: a socket that cannot is closed all the same.
  func reset() { try? socket.resetWhenClosed() }

  /// Has the epoll set wait for what it needs now. Who hung up and needs nothing is not in it: there is no way not to be told.
  func register(
    _ wanted: EpollSet.Readiness, in set: borrowing EpollSet, as event: RelayEvent
  ) throws(SystemCallError) {
    let wanted = hasHungUp && wanted.isEmpty ? nil : wanted
    if wanted == registered { return }
    let number = socket.descriptor.rawValue
    switch (registered, wanted) {
    case (nil, .some(let wanted)): try set.add(number, wanted, token: event.token)
    case (_, .some(let wanted)): try set.change(number, wanted, token: event.token)
    case (_, nil): try set.remove(number)
    }
    registered = wanted
  }

  func unregister(from set: borrowing EpollSet) throws(SystemCallError) {
    if registered != nil { try set.remove(socket.descriptor.rawValue) }
    registered = nil
  }
}

/// How a connection ends.
enum RelayEnding: Error, Equatable {
  /// Both sides have said all.
  case over
  /// One side broke it off, or failed; the other is to see the same.
  case reset
  /// For what was spoken in it, and the name that was.
  case refused(SpokenRefusal, name: [UInt8])
}

/// What a descriptor of the relay is.
enum RelayEvent: Equatable {
  case orders
  case listener(UInt16)
  case connection(UInt64, RelaySide)

  var token: UInt64 {
    switch self {
    case .orders: 0
    case .listener(let port): 1 | UInt64(port) << 2
    case .connection(let id, .jail): 2 | id << 2
    case .connection(let id, .peer): 3 | id << 2
    }
  }

  init(token: UInt64) {
    switch token & 3 {
    case 0: self = .orders
    case 1: self = .listener(UInt16(truncatingIfNeeded: token >> 2))
    case 2: self = .connection(token >> 2, .jail)
    default: self = .connection(token >> 2, .peer)
    }
  }

  /// The numbers of connections are below this.
  static let idLimit: UInt64 = 1 << 62
}

enum RelaySide { case jail, peer }
