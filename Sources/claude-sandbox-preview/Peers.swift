import Linux
import Netlink
import NIOCore

/// Whose the other ends of connections on loopback are, by the kernel's word (sock_diag(7)): anybody on this machine can connect.
final class Peers {
  private var kernel: SocketDiagnosis

  init() throws { kernel = try SocketDiagnosis() }

  /// Whether a connection's other end is a socket of this process's user. There is no exception for root: a browser of root's has no
  /// business here.
  func areOwn(_ channel: any Channel) -> Bool {
    guard let flow = Self.flow(from: channel.remoteAddress, to: channel.localAddress) else { return false }
    return (try? kernel.user(of: flow)) == Process.userID
  }

  private static func flow(
    from source: NIOCore.SocketAddress?, to destination: NIOCore.SocketAddress?
  ) -> SocketDiagnosis.Flow? {
    guard let source, let destination, let from = bytes(source), let to = bytes(destination),
      let sourcePort = source.port.flatMap(UInt16.init(exactly:)),
      let destinationPort = destination.port.flatMap(UInt16.init(exactly:))
    else { return nil }
    return SocketDiagnosis.Flow(
      source: from, sourcePort: sourcePort, destination: to, destinationPort: destinationPort,
      protocolNumber: tcp, link: loopback)
  }

  /// IPPROTO_TCP.
  private static let tcp: UInt8 = 6
  /// The link's index, in every network namespace.
  private static let loopback: UInt32 = 1

  private static func bytes(_ address: NIOCore.SocketAddress) -> [UInt8]? {
    switch address.ipAddress {
    case "127.0.0.1": [127, 0, 0, 1]
    case "::1": [UInt8](repeating: 0, count: 15) + [1]
    default: nil
    }
  }
}
