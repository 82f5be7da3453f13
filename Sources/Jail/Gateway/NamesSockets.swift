import Linux
import Netlink
import Policy

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
  let stock: any ListenerSource
  /// The link-layer addresses of the link's two ends: n0's and names0's.
  let gateway, jail: [UInt8]
  /// The index of names0, in the jail.
  let jailIndex: UInt32
}

/// What makes listeners in the names namespace.
protocol ListenerSource: AnyObject {
  /// A socket that accepts the handshakes to a port, of whatever address, that go on by a link.
  func listener(port: UInt16, link: UInt32) throws(SystemCallError) -> InternetSocket
}

/// Sockets that were made where nobody can be asked for more. Closed with their owner.
final class SocketStock: ListenerSource {
  private var descriptors: [CInt]

  private static let backlog: CInt = 256

  /// Takes ownership of non-blocking sockets.
  init(owning descriptors: [CInt]) { self.descriptors = descriptors }

  deinit { for descriptor in descriptors { _ = FileDescriptor(owning: descriptor) } }

  func listener(port: UInt16, link: UInt32) throws(SystemCallError) -> InternetSocket {
    guard let descriptor = descriptors.popLast() else {
      throw SystemCallError("socket", "names", errno: Errno.EMFILE)
    }
    let socket = InternetSocket(FileDescriptor(owning: descriptor))
    try socket.listenTransparently(
      port: port, program: FilterInstruction.list(HandshakeFilter.requests(onlyBy: link)),
      backlog: Self.backlog)
    return socket
  }
}
