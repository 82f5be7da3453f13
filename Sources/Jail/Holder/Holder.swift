import Linux

/// The process that becomes the command, until it is the command.
struct Holder: ~Copyable {
  /// What the supervisor says when the uplink is open.
  static let go: UInt8 = 2

  /// The supervisor, which forked it, and others.
  let own: OwnProcesses
  /// To the supervisor.
  let socket: DatagramSocket

  /// Once it is sealed: hands out its namespaces, and waits until it may execute the command.
  func awaitGo(_ sealed: borrowing SealedJail) throws {
    try HolderReport.sealed(sealed.namespaces).send(over: socket)
    guard try socket.receive()?.bytes == [Self.go] else { Process.exit(125) }
  }

  /// The supervisor tells it on; the command has not run. The status to end with.
  func report(_ failure: JailFailure) -> CInt {
    try? HolderReport.failed(failure).send(over: socket)
    return failure.exitStatus
  }
}
