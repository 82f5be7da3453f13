import Linux

/// The sockets that the supervisor needs of the jail.
struct JailSockets: ~Copyable {
  /// rtnetlink, for requests and for notifications.
  let netlink: FileDescriptor
  let events: FileDescriptor
  /// Shows what the tap filter drops.
  let packets: FileDescriptor
  /// DNS.
  let udp: FileDescriptor
  let tcp: FileDescriptor

  init(owning descriptors: [CInt]) throws(SystemCallError) {
    guard descriptors.count == 5 else { throw SystemCallError("recvmsg", "sockets", errno: Errno.EPROTO) }
    netlink = FileDescriptor(owning: descriptors[0])
    events = FileDescriptor(owning: descriptors[1])
    packets = FileDescriptor(owning: descriptors[2])
    udp = FileDescriptor(owning: descriptors[3])
    tcp = FileDescriptor(owning: descriptors[4])
  }
}
