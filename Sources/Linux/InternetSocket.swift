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

  /// The same, with the peer's address.
  public func acceptWithPeer() throws(SystemCallError) -> Accepted? {
    var bytes = [UInt8](repeating: 0, count: 28)
    var length = bytes.count
    let accepted = try unlessBlocked("accept4") {
      length = bytes.count
      // SAFETY: the kernel writes at most the array's count of bytes.
      return unsafe clinux_accept_from(descriptor.rawValue, &bytes, &length)
    }
    guard let accepted else { return nil }
    let socket = InternetSocket(FileDescriptor(owning: CInt(accepted)))
    guard let peer = SocketAddress(struct: Array(bytes.prefix(length))) else {
      throw SystemCallError("accept4", errno: EAFNOSUPPORT)
    }
    return Accepted(socket: socket, peer: peer)
  }

  /// A connection that was accepted.
  public struct Accepted: ~Copyable {
    public let socket: InternetSocket
    public let peer: SocketAddress

    /// Forgets the address.
    public consuming func keepSocket() -> InternetSocket { socket }
  }

  /// For a stream that passes on what another one brings: small segments are sent at once (TCP_NODELAY), and after a minute of silence it
  /// is asked whether the other end still exists (SO_KEEPALIVE, tcp(7)). A listener's connections have it of the listener.
  public func prepareForRelaying() throws(SystemCallError) {
    try set(CInt(IPPROTO_TCP), TCP_NODELAY, to: 1)
    try set(SOL_SOCKET, SO_KEEPALIVE, to: 1)
    try set(CInt(IPPROTO_TCP), TCP_KEEPIDLE, to: 60)
  }

  /// Lets `bind` take a port whose last connections have ended, though they have not timed out yet (SO_REUSEADDR, socket(7)). A port that
  /// another socket listens on it never takes.
  public func reuseAddress() throws(SystemCallError) { try set(SOL_SOCKET, SO_REUSEADDR, to: 1) }

  /// Has `bind` to :: leave IPv4 to others (IPV6_V6ONLY, ipv6(7)).
  public func leaveIPv4() throws(SystemCallError) { try set(CInt(IPPROTO_IPV6), IPV6_V6ONLY, to: 1) }

  private func set(_ level: CInt, _ option: CInt, to value: CInt) throws(SystemCallError) {
    var value = value
    try check("setsockopt") {
      // SAFETY: one integer passed with its own size.
      unsafe setsockopt(
        descriptor.rawValue, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
  }

  /// What closes the connection from now on resets it, and what was not sent is dropped (SO_LINGER, socket(7)).
  public func resetWhenClosed() throws(SystemCallError) {
    var atOnce = linger(l_onoff: 1, l_linger: 0)
    try check("setsockopt", "SO_LINGER") {
      // SAFETY: one struct passed with its own size.
      unsafe setsockopt(
        descriptor.rawValue, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
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
    _ call: StaticString, _ body: () -> some FixedWidthInteger & SignedInteger
  ) throws(SystemCallError) -> Int? {
    do throws(SystemCallError) {
      return Int(try check(call, "", body))
    } catch {
      if error.errno == EAGAIN { return nil }
      throw error
    }
  }
}
