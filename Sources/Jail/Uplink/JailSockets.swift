import Linux

/// The sockets that the supervisor needs of every jail.
struct JailSockets: ~Copyable {
  /// rtnetlink, for requests and for notifications.
  let netlink: FileDescriptor
  let events: FileDescriptor
  let refusals: RefusalSockets

  /// Bit by bit, `present` says which of these come.
  init(owning descriptors: [CInt], present: UInt8) throws(SystemCallError) {
    var rest = descriptors[...]
    func next(_ bit: Int) -> FileDescriptor? {
      guard present & 1 << bit != 0, let descriptor = rest.popFirst() else { return nil }
      return FileDescriptor(owning: descriptor)
    }
    guard let netlink = next(0), let events = next(1), present.nonzeroBitCount == descriptors.count else {
      throw SystemCallError("recvmsg", "sockets", errno: Errno.EPROTO)
    }
    self.netlink = netlink
    self.events = events
    refusals = RefusalSockets(tun: next(2), diagnosis: next(3), echoes4: next(4), echoes6: next(5))
  }
}

/// The sockets on which the jail asks for names.
struct QuestionSockets: ~Copyable {
  let udp: FileDescriptor
  let tcp: FileDescriptor

  init(owning descriptors: [CInt]) throws(SystemCallError) {
    guard descriptors.count == 2 else { throw SystemCallError("recvmsg", "sockets", errno: Errno.EPROTO) }
    udp = FileDescriptor(owning: descriptors[0])
    tcp = FileDescriptor(owning: descriptors[1])
  }
}
