import Linux
import Netlink

/// What was opened in the names namespace, where a jail's handshakes to names come out. Who holds these descriptors may program it.
struct NamesSockets: ~Copyable {
  /// On n0, with `HandshakeFilter.asked`.
  let packets: PacketSocket
  /// The link held0, by which a handshake goes on.
  let held: FileDescriptor
  /// The index of held0, in its namespace.
  let heldIndex: UInt32
  let routing: NetlinkSocket
  /// TCP sockets over IPv4.
  let stock: SocketStock
  /// The link-layer addresses of the link's two ends: n0's and names0's.
  let gateway, jail: [UInt8]
  /// The index of names0, in the jail.
  let jailIndex: UInt32
}

/// Sockets that were made where nobody can be asked for more. Closed with their owner.
final class SocketStock {
  private var descriptors: [CInt]

  /// Takes ownership of non-blocking sockets.
  init(owning descriptors: [CInt]) { self.descriptors = descriptors }

  deinit { for descriptor in descriptors { _ = FileDescriptor(owning: descriptor) } }

  func take() -> InternetSocket? {
    descriptors.popLast().map { InternetSocket(FileDescriptor(owning: $0)) }
  }
}
