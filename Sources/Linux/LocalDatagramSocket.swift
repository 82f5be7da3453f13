internal import CLinux
internal import Glibc

/// A Unix datagram socket that sends to a path, and never waits (unix(7)).
public struct LocalDatagramSocket: ~Copyable {
  private let descriptor: FileDescriptor
  /// struct sockaddr_un.
  private let address: [UInt8]

  /// A socket that sends to this path, whoever listens there by then.
  public init(sendingTo path: String) throws(SystemCallError) {
    let family = UInt16(AF_UNIX)
    address =
      [UInt8(truncatingIfNeeded: family.littleEndian), UInt8(family.littleEndian >> 8)] + path.utf8 + [0]
    guard address.count <= MemoryLayout<sockaddr_un>.size else {
      throw SystemCallError("socket", path, errno: ENAMETOOLONG)
    }
    let type = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    descriptor = FileDescriptor(owning: try check("socket", "AF_UNIX") { socket(AF_UNIX, type, 0) })
  }

  /// Sends one datagram. EAGAIN when nobody reads fast enough, ECONNREFUSED or ENOENT when nobody is there.
  public func send(_ bytes: [UInt8]) throws(SystemCallError) {
    try check("sendto") {
      // SAFETY: the kernel reads each array's count of bytes.
      unsafe clinux_sendto(descriptor.rawValue, bytes, bytes.count, address, address.count)
    }
  }
}
