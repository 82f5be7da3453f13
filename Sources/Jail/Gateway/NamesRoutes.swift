import Netlink
import Policy

/// The jail's end of the link to its names.
struct NamesRoutes: Sendable, Equatable {
  let index: UInt32
  let addresses: NameAddresses
  /// Bytes; as the uplink's.
  static let mtu: UInt32 = 65520
  private static let queueLength: UInt32 = 1000

  /// Makes it ready for routes.
  var setupRequests: [Message] {
    [
      Link.configureRequest(
        index: index, mtu: Self.mtu, queueLength: Self.queueLength, withoutLinkLocal: true),
      Link.upRequest(index: index, withoutARP: true, withoutMulticast: true),
    ] + [Address(addresses.own.bytes, prefixLength: 32, link: index)?.addRequest].compactMap { $0 }
  }

  /// By way of one neighbour: the kernel keeps few of them.
  var routes: [Route] {
    [
      Route(Prefix(addresses.peer), kind: .unicast, nextHop: .init(link: index, gateway: nil)),
      Route(addresses.pool, kind: .unicast, nextHop: .init(link: index, gateway: addresses.peer.bytes)),
    ]
  }
}
