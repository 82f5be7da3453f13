internal import CLinux
internal import Glibc

/// A non-blocking UDP or TCP socket over IPv4 or IPv6 (udp(7), tcp(7)). Whatever would have to wait returns
/// nil.
public struct InternetSocket: ~Copyable {
  public let descriptor: FileDescriptor

  public enum Kind: Sendable { case datagram, stream }

  /// A socket of the address's family in this process's network namespace (socket(2)).
  public init(_ kind: Kind, for address: SocketAddress) throws(SystemCallError) {
    let type = kind == .datagram ? SOCK_DGRAM : SOCK_STREAM
    let flags = SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    descriptor = FileDescriptor(
      owning: try check("socket") { socket(address.family, CInt(type.rawValue | flags), 0) })
  }

  /// Takes a socket that was opened elsewhere, non-blocking.
  public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Gives up the descriptor, which stays open.
  public consuming func release() -> CInt { descriptor.release() }

  /// Gives the socket a local address (bind(2)); port 0 lets the kernel choose one.
  public func bind(to address: SocketAddress) throws(SystemCallError) {
    // SAFETY: the kernel reads the array's count of bytes.
    try check("bind") { unsafe clinux_bind(descriptor.rawValue, address.bytes, address.bytes.count) }
  }

  /// Makes a stream socket accept connections (listen(2)).
  public func listen(backlog: CInt) throws(SystemCallError) {
    try check("listen") { Glibc.listen(descriptor.rawValue, backlog) }
  }

  /// The address that the socket is bound to (getsockname(2)).
  public func localAddress() throws(SystemCallError) -> SocketAddress {
    var bytes = [UInt8](repeating: 0, count: 28)
    var length = bytes.count
    // SAFETY: the kernel writes at most the array's count of bytes.
    try check("getsockname") { unsafe clinux_getsockname(descriptor.rawValue, &bytes, &length) }
    guard let address = SocketAddress(struct: Array(bytes[..<length])) else {
      throw SystemCallError("getsockname", errno: EAFNOSUPPORT)
    }
    return address
  }

  /// Sets the peer (connect(2)). A stream is connected once it is writable; if that failed, the first `send`
  /// says so.
  public func connect(to address: SocketAddress) throws(SystemCallError) {
    do throws(SystemCallError) {
      // SAFETY: the kernel reads the array's count of bytes.
      try check("connect") { unsafe clinux_connect(descriptor.rawValue, address.bytes, address.bytes.count) }
    } catch {
      if error.errno != EINPROGRESS { throw error }
    }
  }

  /// The next connection (accept4(2)), non-blocking too.
  public func accept() throws(SystemCallError) -> InternetSocket? {
    do throws(SystemCallError) {
      let accepted = try check("accept4") { clinux_accept(descriptor.rawValue) }
      return InternetSocket(FileDescriptor(owning: accepted))
    } catch {
      if error.errno == EAGAIN { return nil }
      throw error
    }
  }

  /// Closes the sending half of a connection: the peer reads the end of the stream (shutdown(2)).
  public func finishSending() throws(SystemCallError) {
    try check("shutdown") { shutdown(descriptor.rawValue, CInt(SHUT_WR)) }
  }

  /// Sends to the peer (send(2)); returns how many bytes were taken. No SIGPIPE: EPIPE.
  public func send(_ bytes: ArraySlice<UInt8>) throws(SystemCallError) -> Int? {
    try unlessBlocked("send") {
      // SAFETY: the kernel reads the slice's count of bytes.
      unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(descriptor.rawValue, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
    }
  }

  /// Sends one datagram to an address (sendto(2)).
  public func send(_ bytes: [UInt8], to address: SocketAddress) throws(SystemCallError) {
    try check("sendto") {
      // SAFETY: the kernel reads each array's count of bytes.
      unsafe clinux_sendto(
        descriptor.rawValue, bytes, bytes.count, address.bytes, address.bytes.count)
    }
  }

  /// Receives from the peer at most `limit` bytes, or one datagram cut at that length (recv(2)). 0 is the end
  /// of a stream, or an empty datagram.
  public func receive(into buffer: inout [UInt8], limit: Int = .max) throws(SystemCallError) -> Int? {
    try unlessBlocked("recv") {
      // SAFETY: the kernel writes at most the array's count of bytes.
      unsafe buffer.withUnsafeMutableBytes {
        unsafe Glibc.recv(descriptor.rawValue, $0.baseAddress, min($0.count, limit), CInt(MSG_DONTWAIT))
      }
    }
  }

  /// Receives one datagram, cut at the buffer's count, and says who sent it (recvfrom(2)).
  public func receiveDatagram(
    into buffer: inout [UInt8]
  ) throws(SystemCallError) -> (count: Int, sender: SocketAddress)? {
    var sender = [UInt8](repeating: 0, count: 28)
    var length = sender.count
    let received = try unlessBlocked("recvfrom") {
      length = sender.count
      // SAFETY: the kernel writes at most each array's count of bytes.
      return unsafe clinux_recvfrom(descriptor.rawValue, &buffer, buffer.count, &sender, &length)
    }
    guard let received else { return nil }
    guard let address = SocketAddress(struct: Array(sender.prefix(length))) else {
      throw SystemCallError("recvfrom", errno: EAFNOSUPPORT)
    }
    return (received, address)
  }

  private func unlessBlocked(
    _ call: StaticString, _ body: () -> Int
  ) throws(SystemCallError) -> Int? {
    do throws(SystemCallError) {
      return try check(call, "", body)
    } catch {
      if error.errno == EAGAIN { return nil }
      throw error
    }
  }
}
