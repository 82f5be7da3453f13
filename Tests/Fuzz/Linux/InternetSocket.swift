internal import Glibc

/// Stands in for the real one: same calls, same errors, over `Network`.
public struct InternetSocket: ~Copyable {
  public let descriptor: FileDescriptor

  public enum Kind: Sendable { case datagram, stream }

  public init(_ kind: Kind, for address: SocketAddress) throws(SystemCallError) {
    descriptor = FileDescriptor(owning: try Network.socket(kind))
  }

  public init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  private var endpoint: Network.Endpoint { Network[descriptor.rawValue] }

  public func bind(to address: SocketAddress) throws(SystemCallError) {}

  public func listen(backlog: CInt) throws(SystemCallError) {}

  public func localAddress() throws(SystemCallError) -> SocketAddress {
    throw SystemCallError("getsockname", errno: ENOTSOCK)
  }

  public func connect(to address: SocketAddress) throws(SystemCallError) {
    try Network.fail("connect")
    endpoint.peer = address
    // EINPROGRESS: writable once the other end has accepted.
    if endpoint.kind == .stream { endpoint.window = 0 }
  }

  public func accept() throws(SystemCallError) -> InternetSocket? {
    guard !endpoint.backlog.isEmpty else { return nil }
    try Network.fail("accept4")
    return InternetSocket(FileDescriptor(owning: endpoint.backlog.removeFirst()))
  }

  public func send(_ bytes: ArraySlice<UInt8>) throws(SystemCallError) -> Int? {
    try check("send")
    if endpoint.kind == .datagram {
      endpoint.outgoing.append(Array(bytes))
      return bytes.count
    }
    let count = min(endpoint.window, bytes.count)
    guard count > 0 || bytes.isEmpty else { return nil }
    if endpoint.window != .max { endpoint.window -= count }
    endpoint.outgoing.append(Array(bytes.prefix(count)))
    return count
  }

  public func send(_ bytes: [UInt8], to address: SocketAddress) throws(SystemCallError) {
    try check("sendto")
    endpoint.outgoing.append(bytes)
    endpoint.recipients.append(address)
  }

  public func receive(into buffer: inout [UInt8], limit: Int = .max) throws(SystemCallError) -> Int? {
    precondition(limit > 0, "recv(2) of no bytes looks like the end of the stream")
    let limit = min(limit, buffer.count)
    guard let message = endpoint.incoming.first else {
      try check("recv")
      return endpoint.isAtEnd ? 0 : nil
    }
    buffer.replaceSubrange(0..<min(limit, message.count), with: message.prefix(limit))
    if endpoint.kind == .stream, message.count > limit {
      endpoint.incoming[0] = Array(message[limit...])
    } else {
      endpoint.incoming.removeFirst()
    }
    return min(limit, message.count)
  }

  public func receiveDatagram(
    into buffer: inout [UInt8]
  ) throws(SystemCallError) -> (count: Int, sender: SocketAddress)? {
    guard let count = try receive(into: &buffer) else { return nil }
    return (count, endpoint.senders.removeFirst())
  }

  private func check(_ call: String) throws(SystemCallError) {
    if let code = endpoint.failure { throw SystemCallError(call, errno: code) }
  }
}
