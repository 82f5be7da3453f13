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

  init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Sends one message with copies of the descriptors. EPIPE when the other end is gone.
  public func send(_ bytes: [UInt8], descriptors: [CInt] = []) throws(SystemCallError) {
    try check("sendmsg") {
      // SAFETY: both buffers outlive the call and are passed with their own counts.
      unsafe clinux_send_descriptors(
        descriptor.rawValue, bytes, bytes.count, descriptors, CInt(descriptors.count))
    }
  }

  /// Receives one message and the descriptors in it; nil when the other end is closed.
  public func receive() throws(SystemCallError) -> Message? {
    do throws(SystemCallError) {
      return try receiveOnce()
    } catch {
      // The other end has closed without reading all that was sent to it. The error comes once, before what
      // it sent itself.
      if error.errno != ECONNRESET { throw error }
      return try receiveOnce()
    }
  }

  private func receiveOnce() throws(SystemCallError) -> Message? {
    var buffer = [UInt8](repeating: 0, count: Self.longestMessage)
    var passed = [CInt](repeating: -1, count: Int(CLINUX_MAX_PASSED))
    var count = CInt(CLINUX_MAX_PASSED)
    let length = try check("recvmsg") {
      count = CInt(CLINUX_MAX_PASSED)
      // SAFETY: the kernel writes at most the counts given.
      return unsafe clinux_receive_descriptors(
        descriptor.rawValue, &buffer, buffer.count, &passed, &count)
    }
    if length == 0 { return nil }
    return Message(bytes: Array(buffer[..<length]), descriptors: Array(passed[..<Int(count)]))
  }

  /// A received message. Its descriptors belong to whoever receives it.
  public struct Message: Sendable {
    public let bytes: [UInt8]
    public let descriptors: [CInt]
  }
}
