package import Linux
package import Record

/// Why a supervisor made no connection into its jail.
package enum JailConnectionFailure: Error, Equatable {
  /// It said why; it may have heard that from anybody.
  case refused(String)
  /// The jail has ended, or is another's.
  case gone
  /// It did not answer in time, or answered what no supervisor would.
  case unintelligible
}

extension RunningJail {
  /// How long a supervisor may take to connect.
  private static let connectionPatience = Duration.seconds(5)

  /// A connection to a TCP port of the jail, on loopback there: the supervisor makes it, and hands it over. Only for jails of one's own.
  /// `decoder` reads a refusal.
  package func connect(
    port: UInt16, decoder: ([UInt8]) -> ControlRefusal?
  ) throws(JailConnectionFailure) -> FileDescriptor {
    let message: DatagramSocket.Message
    do {
      guard let answer = try Self.ask(name, .connect(port: port)) else { throw JailConnectionFailure.gone }
      message = answer
    } catch let failure as JailConnectionFailure {
      throw failure
    } catch {
      throw .gone
    }
    guard message.bytes.elementsEqual("connected".utf8), message.descriptors.count == 1 else {
      for descriptor in message.descriptors { _ = FileDescriptor(owning: descriptor) }
      throw decoder(message.bytes).map { .refused($0.refusal) } ?? .unintelligible
    }
    return FileDescriptor(owning: message.descriptors[0])
  }

  private static func ask(_ name: String, _ request: ControlRequest) throws -> DatagramSocket.Message? {
    let socket = try AbstractSocket.connected(to: name)
    guard try socket.peer().user == Process.userID else { throw JailConnectionFailure.gone }
    try socket.send(Array(request.text.utf8))
    let answer = Interest.readable(socket.descriptor.rawValue, ())
    guard try !wait([answer], until: .now + connectionPatience).ready.isEmpty else {
      throw JailConnectionFailure.unintelligible
    }
    return try socket.receivingDescriptors().receive()
  }
}
