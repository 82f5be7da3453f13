import Linux

/// What the holder tells the supervisor, one message each, over a socket that closes when the command starts.
enum HolderReport {
  /// The first of step 7, the tap: it is what pasta waits for.
  case tap([CInt])
  /// Step 7 is done; the other windows come with it: rtnetlink for requests and for notifications, refused
  /// packets, DNS over UDP and TCP.
  case windows([CInt])
  /// Step 9 is done. The user and the mount namespace come with it.
  case sealed([CInt])
  /// The launch failed.
  case failed(LaunchFailure)

  func send(over socket: borrowing DatagramSocket) throws(SystemCallError) {
    switch self {
    case .tap(let descriptors): try socket.send([1], descriptors: descriptors)
    case .windows(let descriptors): try socket.send([2], descriptors: descriptors)
    case .sealed(let descriptors): try socket.send([3], descriptors: descriptors)
    case .failed(let failure): try socket.send([4] + FailureCoding.encode(failure))
    }
  }

  init?(_ message: DatagramSocket.Message) {
    switch message.bytes.first {
    case 1: self = .tap(message.descriptors)
    case 2: self = .windows(message.descriptors)
    case 3: self = .sealed(message.descriptors)
    case 4: self = .failed(FailureCoding.decode(message.bytes.dropFirst()))
    default: return nil
    }
  }
}

/// A failure as bytes: its exit status, whether it is a refusal because of what the machine lacks, its text.
enum FailureCoding {
  static func encode(_ failure: LaunchFailure) -> [UInt8] {
    let text = Array(failure.text.utf8.prefix(DatagramSocket.longestMessage - 16))
    return [UInt8(truncatingIfNeeded: failure.exitStatus), failure.isRefusal ? 1 : 0] + text
  }

  static func decode(_ bytes: ArraySlice<UInt8>) -> LaunchFailure {
    .relayed(
      status: CInt(bytes.first ?? 125), isRefusal: bytes.dropFirst().first == 1,
      text: String(decoding: bytes.dropFirst(2), as: UTF8.self))
  }
}
