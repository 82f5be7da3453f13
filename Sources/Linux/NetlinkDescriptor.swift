internal import CLinux
internal import Glibc

/// The system calls of a netlink socket (netlink(7)).
public struct NetlinkDescriptor: ~Copyable {
  public let descriptor: FileDescriptor

  /// Whom a socket talks to.
  public enum Family: Sendable {
    /// NETLINK_ROUTE: links, addresses, routes, rules (rtnetlink(7)).
    case route
    /// NETLINK_SOCK_DIAG: sockets (sock_diag(7)).
    case socketDiagnosis
  }

  /// Opens a socket in this network namespace, with the kernel's extended error texts.
  public init(_ family: Family = .route) throws(SystemCallError) {
    let type = CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    let descriptor = FileDescriptor(
      owning: try check("socket", "AF_NETLINK") {
        socket(AF_NETLINK, type, family == .route ? NETLINK_ROUTE : NETLINK_SOCK_DIAG)
      })
    for option in [NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK] {
      var one: CInt = 1
      try check("setsockopt", "SOL_NETLINK \(option)") {
        // SAFETY: one integer passed with its own size.
        unsafe setsockopt(
          descriptor.rawValue, SOL_NETLINK, CInt(option), &one, socklen_t(MemoryLayout<CInt>.size))
      }
    }
    var address = sockaddr_nl()
    address.nl_family = UInt16(AF_NETLINK)
    try check("bind", "AF_NETLINK") {
      // SAFETY: a sockaddr_nl passed with its own size.
      unsafe withUnsafeBytes(of: &address) {
        unsafe bind(
          descriptor.rawValue, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
    }
    self.descriptor = descriptor
  }

  public init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Gives up the descriptor, which stays open.
  public consuming func release() -> CInt { descriptor.release() }

  /// Listens to a group of notifications, RTNLGRP_* (NETLINK_ADD_MEMBERSHIP).
  public func subscribe(to group: CInt) throws(SystemCallError) {
    var group = group
    try check("setsockopt", "NETLINK_ADD_MEMBERSHIP") {
      // SAFETY: one integer passed with its own size.
      unsafe setsockopt(
        descriptor.rawValue, SOL_NETLINK, CInt(NETLINK_ADD_MEMBERSHIP), &group,
        socklen_t(MemoryLayout<CInt>.size))
    }
  }

  /// Sends one datagram of requests to the kernel.
  public func send(_ bytes: [UInt8]) throws(SystemCallError) {
    let sent = try check("send", "netlink") {
      // SAFETY: the kernel reads the array's count.
      unsafe Glibc.send(descriptor.rawValue, bytes, bytes.count, 0)
    }
    if sent != bytes.count { throw SystemCallError("send", "netlink", errno: EMSGSIZE) }
  }

  /// Receives one datagram from the kernel into the buffer; the number of bytes. EMSGSIZE when it does not
  /// fit, EPROTO when the sender is another process, EAGAIN when there is none and `wait` is false.
  public func receive(into buffer: inout [UInt8], wait: Bool = true) throws(SystemCallError) -> Int {
    var sender = sockaddr_nl()
    var length = socklen_t(MemoryLayout<sockaddr_nl>.size)
    let flags = CInt(MSG_TRUNC) | (wait ? 0 : CInt(MSG_DONTWAIT))
    let count = try check("recvfrom", "netlink") {
      // SAFETY: the kernel writes at most the array's count and one sockaddr_nl.
      unsafe withUnsafeMutableBytes(of: &sender) { sender in
        unsafe recvfrom(
          descriptor.rawValue, &buffer, buffer.count, flags,
          sender.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
      }
    }
    if sender.nl_pid != 0 { throw SystemCallError("recvfrom", "netlink", errno: EPROTO) }
    if count > buffer.count { throw SystemCallError("recvfrom", "netlink", errno: EMSGSIZE) }
    return count
  }
}
