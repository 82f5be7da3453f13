import Linux

/// What the holder tells the supervisor, one message each, over a socket that closes when the command starts; and what the child does
/// that makes the names' namespace. Descriptors are lent by the one and owned by the other.
enum HolderReport {
  /// The first of step 7, the tap: it is what pasta waits for.
  case tap([CInt])
  /// The sockets of every jail, those of `JailSockets` that the bits say.
  case sockets([CInt], present: UInt8)
  /// The socket that shows what the tap filter drops.
  case droppedFrames([CInt])
  /// The last of step 7: the sockets on which names are asked for, UDP and TCP.
  case questions([CInt])
  /// The names' namespace is there; its sockets come in the order of `NamesSockets`.
  case names([CInt], heldLink: UInt32)
  /// Step 9 is done. The user and the mount namespace come with it.
  case sealed([CInt])
  /// The launch failed.
  case failed(JailFailure)

  func send(over socket: borrowing DatagramSocket) throws(SystemCallError) {
    switch self {
    case .tap(let descriptors): try socket.send([1], descriptors: descriptors)
    case .sockets(let descriptors, let present): try socket.send([2, present], descriptors: descriptors)
    case .droppedFrames(let descriptors): try socket.send([5], descriptors: descriptors)
    case .questions(let descriptors): try socket.send([6], descriptors: descriptors)
    case .names(let descriptors, let link):
      try socket.send(
        [7] + (0..<4).map { UInt8(truncatingIfNeeded: link >> (8 * $0)) }, descriptors: descriptors)
    case .sealed(let descriptors): try socket.send([3], descriptors: descriptors)
    case .failed(let failure): try socket.send([4] + FailureCoding.encode(failure))
    }
  }

  init?(_ message: DatagramSocket.Message) {
    switch message.bytes.first {
    case 1: self = .tap(message.descriptors)
    case 2:
      guard message.bytes.count == 2 else { return nil }
      self = .sockets(message.descriptors, present: message.bytes[1])
    case 5: self = .droppedFrames(message.descriptors)
    case 6: self = .questions(message.descriptors)
    case 7:
      guard message.bytes.count == 5 else { return nil }
      self = .names(
        message.descriptors, heldLink: message.bytes.dropFirst().reversed().reduce(0) { $0 << 8 | UInt32($1) }
      )
    case 3: self = .sealed(message.descriptors)
    case 4:
      guard let failure = FailureCoding.decode(message.bytes.dropFirst()) else { return nil }
      self = .failed(failure)
    default: return nil
    }
  }
}
