internal import CLinux
public import Linux

/// Notifications that a network namespace's links, addresses, routes or rules have changed (rtnetlink(7)).
/// What has changed is read anew, not from the notification: one may be lost.
public struct RoutingEvents: ~Copyable {
  private let kernel: NetlinkDescriptor
  private var buffer = [UInt8](repeating: 0, count: 16_384)

  /// Follows this process's network namespace.
  public init() throws(SystemCallError) { try self.init(on: NetlinkDescriptor()) }

  /// Follows the namespace in which the socket was opened.
  public init(owning descriptor: consuming FileDescriptor) throws(SystemCallError) {
    try self.init(on: NetlinkDescriptor(owning: descriptor))
  }

  private init(on kernel: consuming NetlinkDescriptor) throws(SystemCallError) {
    for group in [
      RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
      RTNLGRP_IPV4_RULE,
      RTNLGRP_IPV6_RULE,
    ] {
      try kernel.subscribe(to: CInt(group.rawValue))
    }
    self.kernel = kernel
  }

  public var descriptor: CInt { kernel.descriptor.rawValue }

  /// Takes all notifications that are there.
  public mutating func drain() throws(SystemCallError) {
    while true {
      do throws(SystemCallError) {
        _ = try kernel.receive(into: &buffer, wait: false)
      } catch {
        switch error.errno {
        case Errno.EAGAIN: return
        // Some were lost, or one is too long to keep: all the same, something has changed.
        case Errno.ENOBUFS, Errno.EMSGSIZE: continue
        default: throw error
        }
      }
    }
  }
}
