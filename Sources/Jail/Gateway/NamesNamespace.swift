import Linux
import Netlink
import Policy

// The names have a network namespace of their own, beside the jail's. On the jail's own links a program could listen on a pool address
// and play the allowed name; here nothing of the jail runs. A pair of links joins the two: names0 in the jail, n0 here. The pool is a
// blackhole, so the kernel answers nothing by itself; each new connection is seen by a packet socket, and held until its name is
// reached (see NameGateway). Then it is written again by held0, a tun that only the supervisor has.
//
// The namespace belongs to the jail's user namespace, so the jail's owner can program it from outside, and it goes when the last
// descriptor in it is closed. It is made by a child of the supervisor while the holder seals itself: setns(2) is not for the supervisor.

/// Makes the network namespace of a jail's names.
struct NamesNamespace: ~Copyable {
  static let jailLink = "names0"
  static let ownLink = "n0"
  static let heldLink = "held0"
  /// Of both ends: links without ARP (IFF_NOARP) take their own address for everybody's.
  static let linkAddress: [UInt8] = [0x9a, 0x55, 0x9a, 0x55, 0x9a, 0x56]
  /// Frames that wait on held0.
  private static let heldQueue: UInt32 = 400
  /// A listening socket for each port.
  static let stockCount = NamePorts.most

  private let plan: NamePlan
  private let child: CInt
  private let socket: DatagramSocket

  /// Starts the child.
  static func begin(_ plan: NamePlan, besides holder: CInt) throws -> NamesNamespace {
    let user = try FileDescriptor.open("/proc/\(holder)/ns/user", FileDescriptor.readOnly)
    let jail = try FileDescriptor.open("/proc/\(holder)/ns/net", FileDescriptor.readOnly)
    let pair = try DatagramPair()
    let supervisor = Process.id
    let child = try Process.fork()
    if child == 0 {
      let socket = pair.keepSecond()
      do {
        try Process.dieWithParent(supervisor)
        try Namespaces.enter(user.rawValue)
        try Namespaces.network.unshare()
        try make(plan.addresses, joining: jail.rawValue, for: socket)
        Process.exit(0)
      } catch {
        try? HolderReport.failed(LaunchStep.names.failure(error)).send(over: socket)
        Process.exit(1)
      }
    }
    return NamesNamespace(plan: plan, child: child, socket: pair.keepFirst())
  }

  /// Takes what the child has made, and joins it with the rest. `wait` returns when a descriptor is readable.
  consuming func finish(
    _ directory: NameDirectory, _ resolver: ResolverConfiguration, _ routing: JailRouting,
    _ relay: RelayLink, _ senders: SenderSearch,
    _ wait: (CInt) throws -> Void
  ) throws -> Names {
    let plan = plan
    let made = try descriptors(wait)
    return try Names(
      directory, made.sockets(jailLink: routing.lead(to: plan.addresses)), relay, senders: senders,
      searchDomains: resolver.search, wait)
  }

  private consuming func descriptors(_ wait: (CInt) throws -> Void) throws -> NamesDescriptors {
    try wait(socket.descriptor.rawValue)
    let message = try socket.receive()
    _ = try Process.wait(child)
    switch message.flatMap(HolderReport.init) {
    case .names(let descriptors, let heldLink):
      return try NamesDescriptors(owning: descriptors, heldLink: heldLink)
    case .failed(let failure): throw failure
    default: throw SystemCallError("recvmsg", "names", errno: Errno.EPROTO)
    }
  }

  /// The request that makes the links which join this process's network and the jail's.
  static func linkRequest(joining jail: CInt) -> Message {
    Link.pairRequest(
      .init(name: ownLink, address: linkAddress), .init(name: jailLink, address: linkAddress), in: jail,
      mtu: NamesRoutes.mtu)
  }

  private static func make(
    _ addresses: NameAddresses, joining jail: CInt, for supervisor: borrowing DatagramSocket
  ) throws {
    var kernel = try NetlinkSocket()
    try kernel.apply([Link.upRequest(index: Link.loopback), linkRequest(joining: jail)])
    let held = try Tun.create(named: heldLink)
    guard let own = linkIndex(ofZone: ownLink), let heldIndex = linkIndex(ofZone: heldLink) else {
      throw SystemCallError("if_nametoindex", ownLink, errno: Errno.ENODEV)
    }
    try acceptHeldPackets()
    try kernel.apply(
      [
        Link.configureRequest(index: own, mtu: NamesRoutes.mtu, queueLength: 1000, withoutLinkLocal: true),
        Link.configureRequest(
          index: heldIndex, mtu: NamesRoutes.mtu, queueLength: heldQueue, withoutLinkLocal: true),
      ] + [own, heldIndex].map(Link.endHostRequest) + [
        Link.upRequest(index: own, withoutARP: true, withoutMulticast: true),
        Link.upRequest(index: heldIndex, withoutMulticast: true),
      ])
    try kernel.apply(routes(addresses, own).map(\.addRequest))
    try RoutingTable.verify(routes(addresses, own), in: &kernel)
    let packets = try PacketSocket(
      link: CInt(own), program: FilterInstruction.list(HandshakeFilter.asked(of: addresses.pool)))
    guard let any = SocketAddress([0, 0, 0, 0], port: 0) else {
      throw SystemCallError("socket", errno: Errno.EINVAL)
    }
    let stock = try (0..<stockCount).map { _ in try InternetSocket(.stream, for: any).release() }
    try HolderReport.names(
      [packets.descriptor.rawValue, held.rawValue, kernel.descriptor] + stock, heldLink: heldIndex
    ).send(over: supervisor)
  }

  /// To the jail, and from it to nowhere but the listening sockets, to which rules for their ports lead.
  private static func routes(_ addresses: NameAddresses, _ link: UInt32) -> [Route] {
    [
      Route(Prefix(addresses.own), kind: .unicast, nextHop: .init(link: link, gateway: nil)),
      Route(addresses.pool, kind: .blackhole),
      Route(
        addresses.pool, kind: .local, nextHop: .init(link: Link.loopback, gateway: nil),
        table: NamePorts.table),
    ]
  }

  /// A packet that the tun brings comes from an address that is reached by the other link: a strict rp_filter of all links, which new
  /// namespaces inherit from the first one, drops it.
  private static func acceptHeldPackets() throws {
    let name = "net/ipv4/conf/all/rp_filter"
    if Sysctl.value(name) != "1" { return }
    do {
      try FileDescriptor.write("0", to: "/proc/sys/\(name)")
    } catch {
      throw SystemCallError("write", "/proc/sys/\(name)", errno: error.errno)
    }
  }
}

/// What the child hands out.
struct NamesDescriptors: ~Copyable {
  private let packets: FileDescriptor
  private let held: FileDescriptor
  private let netlink: FileDescriptor
  private let stock: SocketStock
  private let heldLink: UInt32

  /// In the order in which they are sent.
  fileprivate init(owning descriptors: [CInt], heldLink: UInt32) throws(SystemCallError) {
    guard descriptors.count == 3 + NamesNamespace.stockCount else {
      throw SystemCallError("recvmsg", "names", errno: Errno.EPROTO)
    }
    packets = FileDescriptor(owning: descriptors[0])
    held = FileDescriptor(owning: descriptors[1])
    netlink = FileDescriptor(owning: descriptors[2])
    stock = SocketStock(owning: Array(descriptors[3...]))
    self.heldLink = heldLink
  }

  /// With the index of the jail's end.
  consuming func sockets(jailLink: UInt32) -> NamesSockets {
    NamesSockets(
      packets: PacketSocket(owning: packets), held: held, heldIndex: heldLink,
      routing: NetlinkSocket(owning: netlink), stock: stock, gateway: NamesNamespace.linkAddress,
      jail: NamesNamespace.linkAddress, jailIndex: jailLink)
  }
}
