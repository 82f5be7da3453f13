import Linux

/// Lets the command's group open ICMP echo sockets, as the host's usual setting does: a new network namespace
/// starts with nobody allowed, and without file capabilities ping(8) has no other way.
enum PingGroup {
  /// Optional: a container may have /proc/sys read-only. Then only ping fails, and nothing is opened by that.
  static func allow(_ group: UInt32) {
    try? FileDescriptor.write("\(group) \(group)", to: "/proc/sys/net/ipv4/ping_group_range")
  }
}
