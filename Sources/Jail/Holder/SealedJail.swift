import Linux
import Netlink
import Policy

// The holder's way to the command. Each state is made from the one before and from nothing else, and only the
// last can execute: the compiler refuses any other order.

/// Step 5: new user, network, mount and IPC namespaces, owned by the caller's own uid.
struct IsolatedJail: ~Copyable {
  static func enter() throws -> IsolatedJail {
    let (user, group) = (Process.userID, Process.groupID)
    // Fails with EINVAL if there is a second thread, which would keep what the holder gives up.
    try (Namespaces.user.union(.network).union(.mount).union(.ipc)).unshare()
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
    guard plan.network != .none else {
      // Optional: where there is no /dev/net/tun, a jail without a way out says "network unreachable".
      try handOut(try? Tun.create(named: RefusalLink.name), to: supervisor)
      return UnsealedJail()
    }
    var link: UInt32?
    if plan.hasUplink {
      let tap = try Tap.create(named: Uplink.linkName)
      try HolderReport.tap([tap.descriptor.rawValue]).send(over: supervisor)
      link = linkIndex(ofZone: Uplink.linkName)
      if link == nil { throw SystemCallError("if_nametoindex", Uplink.linkName, errno: Errno.ENODEV) }
    }
    try handOut(Tun.create(named: RefusalLink.name), to: supervisor)
    if let link {
      let refused = try PacketSocket(link: CInt(link), program: FilterInstruction.list(plan.filter.inverse))
      try HolderReport.droppedFrames([refused.descriptor.rawValue]).send(over: supervisor)
    }
    let names = try DNSListeners(address: ResolverFile.serverAddress)
    try HolderReport.questions([names.udp.descriptor.rawValue, names.tcp.descriptor.rawValue]).send(
      over: supervisor)
    return UnsealedJail()
  }

  /// What every jail's supervisor needs. Optional is what tells who was refused: without it, that is "unknown".
  private func handOut(
    _ tun: consuming FileDescriptor?, to supervisor: borrowing DatagramSocket
  ) throws {
    let events = try NetlinkDescriptor()
    let optional: [CInt?] = [
      tun.take()?.release(), try? NetlinkDescriptor(.socketDiagnosis).release(),
      try? FileDescriptor.open("/proc/self/net/icmp", FileDescriptor.readOnly).release(),
      try? FileDescriptor.open("/proc/self/net/icmp6", FileDescriptor.readOnly).release(),
    ]
    let descriptors = [kernel.descriptor, events.descriptor.rawValue] + optional.compactMap { $0 }
    let present = optional.enumerated().reduce(0b11) { $1.element == nil ? $0 : $0 | 4 << $1.offset }
    try HolderReport.sockets(descriptors, present: UInt8(present)).send(over: supervisor)
    for descriptor in optional { if let descriptor { _ = FileDescriptor(owning: descriptor) } }
  }
}

/// Walls are up, sockets are handed out; the process still holds capabilities.
struct UnsealedJail: ~Copyable {
  fileprivate init() {}

  /// Step 9: gives up everything that the command must not have, and reads back that it is gone.
  consuming func seal(_ blueprint: Blueprint, _ own: OwnProcesses) throws -> SealedJail {
    let namespaces = try ["user", "mnt"].map { name in
      try FileDescriptor.open("/proc/self/ns/\(name)", FileDescriptor.readOnly).release()
    }
    let directory = try WorkingDirectory()
    try Mounts.makePrivate()
    let (covers, exposed) = try cover(blueprint)
    PingGroup.allow(Process.groupID)
    try TrustAnchors.freeze(own)
    try directory.enterAnew(covers)
    // Last of the mounts, so that it covers them all. Without it an empty bounding set makes execve(2) of a
    // program with file capabilities fail.
    try Mounts.makeNosuid()
    try Process.closeDescriptorsOnExecute(from: 3)
    try blueprint.descriptors.passOn()
    try Capabilities.dropAll()
    try Capabilities.setNoNewPrivileges()
    try Capabilities.verifyDropped()
    // Giving up credentials clears the parent-death signal, so it is asked for again.
    try Process.dieWithParent(own.supervisor)
    try Signals.resetAll(keepIgnoring: blueprint.ignoresHangup ? [Signals.hangup] : [])
    try LandlockPolicy.install(blueprint.configuration, exposed)
    try SystemCallPolicy.install(protecting: own)
    return SealedJail(
      covers: covers, exposed: blueprint.configuration.exposedSockets.map(\.value), namespaces: namespaces)
  }

  /// Takes from the file system what leads outside: first what acts when it is only looked at, then /run, then what the
  /// list names.
  private borrowing func cover(_ blueprint: Blueprint) throws -> (Covers, [ExposedSocket]) {
    let mounts = try MountTable.read()
    let list = try SocketList(blueprint.command.environment)
    list.makeDirectories()
    // Before anything hides them. One that is not there is none.
    let exposed = blueprint.configuration.exposedSockets.compactMap { try? ExposedSocket($0.value) }
    let kept = Set(exposed.map(\.identity))
    var covers = Covers()
    try Automounts.cover(mounts, &covers)
    try RunDirectory.replace(mounts, files: blueprint.coveredFiles.compactMap { try $0.file.path }, &covers)
    for covered in blueprint.coveredFiles { try covered.install() }
    try SocketSearch.visit(list, mounts) { place, kind, path in
      if kind == .socket, try kept.contains(FileStatus.of(place).identity) { return }
      try covers.cover(place, kind, named: path)
    }
    try DeviceFileSystems.replace(mounts, &covers)
    for socket in exposed { try socket.restore(covers) }
    return (covers, exposed)
  }
}

/// The only state in which a command can be executed.
struct SealedJail: ~Copyable {
  private let covers: Covers
  private let exposed: [String]
  /// The user and the mount namespace; the descriptors close when the command is executed.
  let namespaces: [CInt]

  fileprivate init(covers: Covers, exposed: [String], namespaces: [CInt]) {
    self.covers = covers
    self.exposed = exposed
    self.namespaces = namespaces
  }

  /// Step 10.
  consuming func execute(_ command: Command) throws -> Never {
    let environment = command.environment.without(covers, exposed: exposed).opening(
      with: AddressPrinter.installed(by: try FileStatus.target(ofLink: "/proc/self/exe"))
    ).marked
    try Command(arguments: command.arguments, environment: environment).execute()
  }
}
