internal import CLinux
internal import Glibc

/// A SOCK_SEQPACKET Unix socket with a name in the abstract namespace, which is the network namespace's and ends with the last
/// descriptor (unix(7)). Nothing here waits. Descriptors that a peer sends along are never received.
public struct AbstractSocket: ~Copyable {
  public let descriptor: FileDescriptor

  private init() throws(SystemCallError) {
    let type = SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    descriptor = FileDescriptor(owning: try check("socket") { socket(AF_UNIX, CInt(type), 0) })
  }

  private init(accepted descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// A socket under this name (bind(2), listen(2)); `backlog` more may wait than were accepted.
  public static func listening(as name: String, backlog: CInt) throws(SystemCallError) -> AbstractSocket {
    let socket = try AbstractSocket()
    // SAFETY: a NUL-terminated copy that outlives the call.
    try check("bind", name) { unsafe clinux_unix_bind(socket.descriptor.rawValue, name, 1) }
    try check("listen") { Glibc.listen(socket.descriptor.rawValue, backlog) }
    return socket
  }

  /// A connection to the socket of this name (connect(2)). EAGAIN while too many wait there.
  public static func connected(to name: String) throws(SystemCallError) -> AbstractSocket {
    let socket = try AbstractSocket()
    // SAFETY: as above.
    try check("connect", name) { unsafe clinux_unix_connect(socket.descriptor.rawValue, name, 1) }
    return socket
  }

  /// The same socket, for messages that bring descriptors.
  public consuming func receivingDescriptors() -> DatagramSocket { DatagramSocket(descriptor) }

  /// The next connection (accept4(2)); nil when nobody waits.
  public func accept() throws(SystemCallError) -> AbstractSocket? {
    do throws(SystemCallError) {
      let accepted = try check("accept4") { clinux_accept(descriptor.rawValue) }
      return AbstractSocket(accepted: FileDescriptor(owning: accepted))
    } catch {
      if error.errno == EAGAIN { return nil }
      throw error
    }
  }

  /// The process and its effective user: who connected, or who made the other end listen. As this process's namespaces count
  /// them: 0 for a process that is not in its PID namespace, the overflow user for one that its user namespace does not map
  /// (SO_PEERCRED).
  public func peer() throws(SystemCallError) -> (process: CInt, user: UInt32) {
    var process: CInt = 0
    var user: UInt32 = 0
    // SAFETY: two integers that are written by the call.
    try check("getsockopt", "SO_PEERCRED") { unsafe clinux_peer(descriptor.rawValue, &process, &user) }
    return (process, user)
  }

  /// Sends one message (send(2)). EAGAIN when there is no room; no SIGPIPE: EPIPE.
  public func send(_ message: [UInt8]) throws(SystemCallError) {
    try check("send") {
      // SAFETY: the kernel reads the array's count.
      unsafe Glibc.send(
        descriptor.rawValue, message, message.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
    }
  }

  /// The same, with a copy of a descriptor (unix(7), SCM_RIGHTS).
  public func send(_ message: [UInt8], _ passed: borrowing FileDescriptor) throws(SystemCallError) {
    let descriptors = [passed.rawValue]
    try check("sendmsg") {
      // SAFETY: both buffers outlive the call and are passed with their own counts.
      unsafe clinux_send_descriptors(
        descriptor.rawValue, message, message.count, descriptors, 1, CInt(MSG_DONTWAIT))
    }
  }

  /// The next message (recv(2)); nil when there is none yet, empty when the other end is closed. EMSGSIZE above `limit` bytes.
  public func receive(limit: Int) throws(SystemCallError) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: limit)
    do throws(SystemCallError) {
      let count = try check("recv") {
        // SAFETY: the kernel writes at most the array's count.
        unsafe Glibc.recv(
          descriptor.rawValue, &buffer, buffer.count, CInt(MSG_TRUNC | MSG_DONTWAIT))
      }
      if count > limit { throw SystemCallError("recv", errno: EMSGSIZE) }
      return Array(buffer[..<count])
    } catch {
      if error.errno == EAGAIN { return nil }
      throw error
    }
  }
}

/// So many random bytes as 32 lowercase hexadecimal digits, that nobody can guess (getrandom(2)).
public func randomName() throws(SystemCallError) -> String {
  var bytes = [UInt8](repeating: 0, count: 16)
  // SAFETY: the kernel writes the array's count of bytes; so few are never cut short.
  try check("getrandom") { unsafe clinux_getrandom(&bytes, bytes.count) }
  return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
