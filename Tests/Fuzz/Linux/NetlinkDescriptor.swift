internal import Glibc

/// Stands in for the real one: the kernel's datagrams are what the harness has queued.
public struct NetlinkDescriptor: ~Copyable {
  public let descriptor: FileDescriptor

  public enum Family: Sendable { case route, socketDiagnosis }

  public init(_ family: Family = .route) throws(SystemCallError) {
    throw SystemCallError("socket", errno: EAFNOSUPPORT)
  }

  public init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  public consuming func release() -> CInt { descriptor.rawValue }

  public func subscribe(to group: CInt) throws(SystemCallError) {}

  public func send(_ bytes: [UInt8]) throws(SystemCallError) {
    Network[descriptor.rawValue].outgoing.append(bytes)
  }

  public func receive(into buffer: inout [UInt8], wait: Bool = true) throws(SystemCallError) -> Int {
    let endpoint = Network[descriptor.rawValue]
    guard !endpoint.incoming.isEmpty else { throw SystemCallError("recvfrom", "netlink", errno: EAGAIN) }
    let message = endpoint.incoming.removeFirst()
    if message.count > buffer.count { throw SystemCallError("recvfrom", "netlink", errno: EMSGSIZE) }
    buffer.replaceSubrange(0..<message.count, with: message)
    return message.count
  }
}
