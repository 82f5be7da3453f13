import Linux

/// What the supervisor needs of the network namespace of a jail's names.
struct NamesSockets: ~Copyable {
  /// Shows what comes for the pool's addresses, on n0.
  let packets: FileDescriptor
  /// The tun held0, and its index.
  let held: FileDescriptor
  let heldLink: UInt32
  /// rtnetlink.
  let netlink: FileDescriptor
  /// TCP sockets that are not used yet; each is closed by whoever takes it.
  let stock: [CInt]

  /// In the order in which they are sent.
  init(owning descriptors: [CInt], heldLink: UInt32) throws(SystemCallError) {
    guard descriptors.count == 3 + NamesNamespace.stockCount else {
      throw SystemCallError("recvmsg", "names", errno: Errno.EPROTO)
    }
    packets = FileDescriptor(owning: descriptors[0])
    held = FileDescriptor(owning: descriptors[1])
    netlink = FileDescriptor(owning: descriptors[2])
    stock = Array(descriptors[3...])
    self.heldLink = heldLink
  }
}
