import Linux

/// The relay's process, from its fork to its end.
///
/// It is forked from the supervisor while that is small, and gives up everything but one socket before it hears of anything: the terminal,
/// the caller's streams, all other descriptors, capabilities, and all system calls that it does not need.
enum RelayProcess {
  /// The supervisor's socket.
  static let socketNumber: CInt = 3

  /// Starts it. It reports `ready` once it has sealed itself.
  static func start() throws -> RelayLink {
    let pair = try DatagramPair()
    let supervisor = Process.id
    let process = try Process.fork()
    if process == 0 {
      do {
        run(try sealed(pair.keepSecond(), supervisor))
      } catch {
        Process.exit(1)
      }
    }
    return RelayLink(
      process: process, end: try Process.descriptor(of: process), socket: pair.keepFirst())
  }

  private static func sealed(
    _ socket: consuming DatagramSocket, _ supervisor: CInt
  ) throws -> Relay {
    try Process.hide()
    try Process.newSession()
    try Process.dieWithParent(supervisor)
    try Process.leaveStandardStreams()
    try Process.place(1, at: 2)
    try Signals.resetAll()
    try socket.descriptor.place(at: socketNumber)
    // All of them are closed at once, and this one with them.
    _ = socket.release()
    try Process.closeDescriptors(from: socketNumber + 1)
    let relay = try Relay(
      DatagramSocket(FileDescriptor(owning: socketNumber)),
      capacity: try Self.capacity())
    try Capabilities.renounce()
    try RelaySystemCalls.install()
    // What it needs from now on is little of it.
    Process.releaseText()
    return relay
  }

  /// Two descriptors for each connection.
  private static func capacity() throws -> Int {
    let others = Relay.mostListeners + Relay.spareDescriptors
    let limit = try Process.raiseDescriptorLimit(to: 2 * Relay.mostConnections + others)
    return min(Relay.mostConnections, (limit - others) / 2)
  }

  private static func run(_ relay: consuming Relay) -> Never {
    switch relay.serve() {
    case .released: Process.exit(0)
    case .senseless: Process.exit(2)
    }
  }
}
