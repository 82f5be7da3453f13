import Linux

/// What the holder tells the supervisor, one message each, over a socket that closes when the command starts. Descriptors are lent
/// by the one and owned by the other.
enum HolderReport {
  /// The first of step 7, the tap: it is what pasta waits for.
  case tap([CInt])
  /// The sockets of every jail, those of `JailSockets` that the bits say.
  case sockets([CInt], present: UInt8)
  /// Step 7 is done; the sockets for the uplink come with it, in the order of `UplinkSockets`.
  case uplinkSockets([CInt])
  /// Step 9 is done. The user and the mount namespace come with it.
  case sealed([CInt])
  /// The launch failed.
  case failed(JailFailure)

  func send(over socket: borrowing DatagramSocket) throws(SystemCallError) {
    switch self {
    case .tap(let descriptors): try socket.send([1], descriptors: descriptors)
    case .sockets(let descriptors, let present): try socket.send([2, present], descriptors: descriptors)
    case .uplinkSockets(let descriptors): try socket.send([5], descriptors: descriptors)
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
    case 5: self = .uplinkSockets(message.descriptors)
    case 3: self = .sealed(message.descriptors)
    case 4:
      guard let failure = FailureCoding.decode(message.bytes.dropFirst()) else { return nil }
      self = .failed(failure)
    default: return nil
    }
  }
}
