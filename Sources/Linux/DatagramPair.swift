internal import CLinux
internal import Glibc

/// A connected pair of AF_UNIX SOCK_SEQPACKET sockets: whole messages, in order, with descriptors (unix(7)).
public struct DatagramPair: ~Copyable {
  public let first: DatagramSocket
  public let second: DatagramSocket

  /// socketpair(2) with SOCK_CLOEXEC.
  public init() throws(SystemCallError) {
    var ends: [CInt] = [-1, -1]
    try check("socketpair") {
      // SAFETY: the kernel writes two descriptors.
      unsafe socketpair(AF_UNIX, CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0, &ends)
    }
    first = DatagramSocket(FileDescriptor(owning: ends[0]))
    second = DatagramSocket(FileDescriptor(owning: ends[1]))
  }

  /// Keeps one end and closes the other.
  public consuming func keepFirst() -> DatagramSocket { first }
  /// Keeps one end and closes the other.
  public consuming func keepSecond() -> DatagramSocket { second }
}

/// One end of a `DatagramPair`.
public struct DatagramSocket: ~Copyable {
  public let descriptor: FileDescriptor
  /// The longest message that `receive` takes; a longer one is EBADMSG. Bytes.
  public static let longestMessage = 60_000

  /// Takes one end that was passed on.
  public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Gives up the descriptor, which stays open.
  public consuming func release() -> CInt { descriptor.release() }

  /// Sends one message with copies of the descriptors. EPIPE when the other end is gone.
  public func send(_ bytes: [UInt8], descriptors: [CInt] = []) throws(SystemCallError) {
    try send(bytes, descriptors, flags: 0)
  }

  /// The same, unless it would have to wait: then it returns false, and nothing was sent.
  public func sendAtOnce(_ bytes: [UInt8], descriptors: [CInt] = []) throws(SystemCallError) -> Bool {
    do throws(SystemCallError) {
      try send(bytes, descriptors, flags: CInt(MSG_DONTWAIT))
      return true
    } catch {
      if error.errno == EAGAIN { return false }
      throw error
    }
  }

  private func send(
    _ bytes: [UInt8], _ descriptors: [CInt], flags: CInt
  ) throws(SystemCallError) {
    try check("sendmsg") {
      // SAFETY: both buffers outlive the call and are passed with their own counts.
      unsafe clinux_send_descriptors(
        descriptor.rawValue, bytes, bytes.count, descriptors, CInt(descriptors.count), flags)
    }
  }

  /// Receives one message and the descriptors in it; nil when the other end is closed.
  public func receive() throws(SystemCallError) -> Message? { try receive(flags: 0) }

  /// What there is to receive without waiting.
  public func receiveAtOnce() throws(SystemCallError) -> Arrival {
    do throws(SystemCallError) {
      return try receive(flags: CInt(MSG_DONTWAIT)).map(Arrival.message) ?? .end
    } catch {
      if error.errno == EAGAIN { return .nothing }
      throw error
    }
  }

  private func receive(flags: CInt) throws(SystemCallError) -> Message? {
    do throws(SystemCallError) {
      return try receiveOnce(flags)
    } catch {
      // The other end has closed without reading all that was sent to it. The error comes once, before what
      // it sent itself.
      if error.errno != ECONNRESET { throw error }
      return try receiveOnce(flags)
    }
  }

  private func receiveOnce(_ flags: CInt) throws(SystemCallError) -> Message? {
    var passed = [CInt](repeating: -1, count: Int(CLINUX_MAX_PASSED))
    var count = CInt(CLINUX_MAX_PASSED)
    var failure: SystemCallError?
    // SAFETY: the kernel writes at most the counts given, and says how much of the buffer it has initialised.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: Self.longestMessage) { buffer, length in
      do throws(SystemCallError) {
        length = try check("recvmsg") {
          count = CInt(CLINUX_MAX_PASSED)
          return unsafe clinux_receive_descriptors(
            descriptor.rawValue, buffer.baseAddress, buffer.count, &passed, &count, flags)
        }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes.isEmpty ? nil : Message(bytes: bytes, descriptors: Array(passed[..<Int(count)]))
  }

  /// What `receiveAtOnce` finds.
  public enum Arrival: Sendable {
    case message(Message)
    /// The other end is closed.
    case end
    case nothing
  }

  /// A received message. Its descriptors belong to whoever receives it.
  public struct Message: Sendable {
    public let bytes: [UInt8]
    public let descriptors: [CInt]
  }
}

extension FileDescriptor {
  /// Takes ownership of descriptors, and leaves their closing to the kernel's own time. close(2) of a packet socket waits for an RCU
  /// grace period (packet_release, tens of milliseconds), that of an inotify instance for a worker. Here a
  /// message holds a copy, in the queue of a socket that nothing but this message holds: the garbage collector
  /// of unix(7) frees both. It works in the background since Linux 6.9, and in close(2) before.
  public static func closeInBackground(_ descriptors: [CInt]) throws(SystemCallError) {
    let pair = try DatagramPair()
    try pair.first.send([0], descriptors: descriptors + [pair.second.descriptor.rawValue])
    for descriptor in descriptors { _ = FileDescriptor(owning: descriptor) }
    // The collector starts when a socket is closed, so the other one goes last.
    _ = pair.keepFirst()
  }
}
