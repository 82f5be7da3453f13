import Linux

/// The supervisor's end of the socket to the launcher. Who is left of the two learns by it that the other died.
final class LauncherSocket {
  /// The launcher.
  let process: CInt
  private let socket: DatagramSocket

  init(to process: CInt, _ socket: consuming DatagramSocket) {
    self.process = process
    self.socket = socket
  }

  var descriptor: CInt { socket.descriptor.rawValue }

  func send(_ report: SupervisorReport) throws(SystemCallError) { try socket.send(report.bytes) }

  /// The next request; nil for one without a meaning.
  func next() throws -> LauncherRequest? {
    guard let message = try socket.receive() else { throw JailFailure.launcherDied }
    return LauncherRequest(message.bytes)
  }

  /// Waits until a descriptor is readable. A signal that comes before the command runs ends the launch, but not a hangup that the
  /// caller ignores, as nohup(1) does.
  func wait(for descriptor: CInt) throws {
    enum Event { case request, awaited }
    while true {
      let interests = [Interest.readable(self.descriptor, Event.request), .readable(descriptor, .awaited)]
      let ready = try Linux.wait(interests).ready
      if ready.contains(.request), case .forward(let signal) = try next(), signal != Signals.stop,
        !(signal == Signals.hangup && Signals.isIgnored(signal))
      {
        throw JailFailure.interrupted(WaitStatus(rawValue: signal))
      }
      if ready.contains(.awaited) { return }
    }
  }
}
