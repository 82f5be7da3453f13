import Linux
import Netlink
import Policy

// The holder's way to the command. Each state is made from the one before and from nothing else, and only the
// last can execute: the compiler refuses any other order.

/// Step 5: new user, network and mount namespaces, owned by the caller's own uid.
struct IsolatedJail: ~Copyable {
  static func enter() throws -> IsolatedJail {
    let (user, group) = (Process.userID, Process.groupID)
    // Fails with EINVAL if there is a second thread, which would keep what the holder gives up.
    try (Namespaces.user.union(.network).union(.mount)).unshare()
    try Namespaces.mapIdentity(user: user, group: group)
    return IsolatedJail()
  }

  /// Step 6: loopback, and a blackhole for everything internal. Before any uplink exists, and read back.
  consuming func raiseWall(_ plan: Plan) throws -> WalledJail {
    var kernel = try NetlinkSocket()
    try kernel.apply([Link.upRequest(index: Link.loopback)] + plan.blackholes.map(\.addRequest))
    try RoutingTable.verify(plan.blackholes, in: &kernel)
    return WalledJail(kernel: kernel)
  }
}

struct WalledJail: ~Copyable {
  private let kernel: NetlinkSocket

  fileprivate init(kernel: consuming NetlinkSocket) { self.kernel = kernel }

  /// Step 7: what the supervisor will need of the jail is opened and handed out; nothing of it is kept. From
  /// here on nobody inside can change the walls.
  consuming func openSockets(_ plan: Plan, for supervisor: borrowing DatagramSocket) throws -> UnsealedJail {
    guard plan.hasUplink else { return UnsealedJail() }
    let tap = try Tap.create(named: Uplink.linkName)
    try HolderReport.tap([tap.descriptor.rawValue]).send(over: supervisor)
    guard let link = linkIndex(ofZone: Uplink.linkName) else {
      throw SystemCallError("if_nametoindex", Uplink.linkName, errno: Errno.ENODEV)
    }
    let refused = try PacketSocket(link: CInt(link), program: FilterInstruction.list(plan.filter.inverse))
    let events = try NetlinkDescriptor()
    let names = try DNSListeners(address: ResolverFile.serverAddress)
    try HolderReport.sockets([
      kernel.descriptor, events.descriptor.rawValue, refused.descriptor.rawValue,
      names.udp.descriptor.rawValue, names.tcp.descriptor.rawValue,
    ]).send(over: supervisor)
    return UnsealedJail()
  }

}

/// Walls are up, sockets are handed out; the process still holds capabilities.
struct UnsealedJail: ~Copyable {
  fileprivate init() {}

  /// Step 9: gives up everything that the command shall not have, and reads back that it is gone.
  consuming func seal(_ blueprint: Blueprint, parent: CInt) throws -> SealedJail {
    let namespaces = try ["user", "mnt"].map { name in
      try FileDescriptor.open("/proc/self/ns/\(name)", FileDescriptor.readOnly).release()
    }
    try Mounts.makePrivate()
    try ResolverFile.install(blueprint.resolver.jailText)
    let masks = Masks(blueprint.configuration)
    let masked = try masks.install()
    try Mounts.newTerminals()
    PingGroup.allow(Process.groupID)
    try TrustAnchors.freeze()
    // Last of the mounts, so that it covers them all. Without it an empty bounding set makes execve(2) of a
    // program with file capabilities fail.
    try Mounts.makeNosuid()
    try Process.closeDescriptorsOnExecute(from: 3)
    try Capabilities.dropAll()
    try Capabilities.setNoNewPrivileges()
    try Capabilities.verifyDropped()
    // Giving up credentials clears the parent-death signal, so it is asked for again.
    try Process.dieWithParent(parent)
    try Signals.resetAll(keepIgnoring: blueprint.ignoresHangup ? [Signals.hangup] : [])
    // Optional: a kernel before 6.12 has no scopes. Then the command can signal its user's processes outside,
    // as `doctor` tells; no network is opened by that.
    if Landlock.hasScopes { try Landlock.scopeSignalsAndAbstractSockets() }
    try SystemCallPolicy.install()
    return SealedJail(masked: masked, exposed: masks.exposed, namespaces: namespaces)
  }
}

/// The only state in which a command can be executed.
struct SealedJail: ~Copyable {
  private let masked: [String]
  private let exposed: [String]
  /// The user and the mount namespace; the descriptors close when the command is executed.
  let namespaces: [CInt]

  fileprivate init(masked: [String], exposed: [String], namespaces: [CInt]) {
    self.masked = masked
    self.exposed = exposed
    self.namespaces = namespaces
  }

  /// Step 10.
  consuming func execute(_ command: Command) throws -> Never {
    let environment = command.environment.filtered(masked: masked, exposed: exposed)
    try Command(arguments: command.arguments, environment: environment).execute()
  }
}
