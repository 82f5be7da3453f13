import Linux

/// The supervisor's end of the socket to the holder, while that builds the jail. Its reports come in this order.
struct HolderSocket: ~Copyable {
  let process: CInt
  private let socket: DatagramSocket
  private let launcher: LauncherSocket

  /// Forks the holder.
  static func fork(
    _ launcher: LauncherSocket, _ own: OwnProcesses, holder run: (consuming Holder) -> Never
  ) throws -> HolderSocket {
    let pair = try DatagramPair()
    let process = try Process.fork()
    if process == 0 { run(Holder(own: own, socket: pair.keepSecond())) }
    return HolderSocket(process: process, socket: pair.keepFirst(), launcher: launcher)
  }

  func tap() throws -> FileDescriptor {
    guard case .tap(let descriptors) = try next(), descriptors.count == 1 else { throw Self.unexpected }
    return FileDescriptor(owning: descriptors[0])
  }

  func sockets() throws -> JailSockets {
    guard case .sockets(let descriptors, let present) = try next() else { throw Self.unexpected }
    return try JailSockets(owning: descriptors, present: present)
  }

  func droppedFrames() throws -> FileDescriptor {
    guard case .droppedFrames(let descriptors) = try next(), descriptors.count == 1 else {
      throw Self.unexpected
    }
    return FileDescriptor(owning: descriptors[0])
  }

  func questions() throws -> QuestionSockets {
    guard case .questions(let descriptors) = try next() else { throw Self.unexpected }
    return try QuestionSockets(owning: descriptors)
  }

  /// `files` are those that the jail has covered.
  consuming func sealed(_ files: [CoveredFile]) throws -> SealedHolder {
    guard case .sealed(let descriptors) = try next(), descriptors.count == 2 else { throw Self.unexpected }
    let cover = try LaunchStep.seal.run {
      try ResolverCover(
        userNamespace: FileDescriptor(owning: descriptors[0]),
        mountNamespace: FileDescriptor(owning: descriptors[1]), holder: process, files: files)
    }
    return SealedHolder(process: process, socket: socket, resolverCover: cover)
  }

  private static let unexpected = JailFailure.step(
    .supervise, .systemCall(SystemCallError("recvmsg", "holder", errno: Errno.EPROTO)))

  /// Waits for the next report. A failure is thrown.
  private func next() throws -> HolderReport {
    try launcher.wait(for: socket.descriptor.rawValue)
    guard let message = try socket.receive() else { throw try end() }
    guard let report = HolderReport(message) else { throw Self.unexpected }
    if case .failed(let failure) = report { throw failure }
    return report
  }

  /// A signal that was for the command, as the terminal's Ctrl-C is, found the holder.
  private func end() throws -> JailFailure {
    guard let (_, status) = try Process.wait(process), status.terminationSignal != nil else {
      return .step(.seal, .other("the holder ended"))
    }
    return .interrupted(status)
  }
}

/// A holder that has given up all that the command must not have, and waits.
struct SealedHolder: ~Copyable {
  let process: CInt
  fileprivate let socket: DatagramSocket
  fileprivate let resolverCover: ResolverCover

  /// Lets it execute the command; its network, if it is to have one, is open by now.
  consuming func go(_ network: borrowing Connected?) throws -> ReleasedHolder {
    try socket.send([Holder.go])
    return ReleasedHolder(socket: socket, resolverCover: resolverCover)
  }
}

/// A holder that becomes the command. The socket closes when it does.
struct ReleasedHolder: ~Copyable, Service {
  /// The command runs, or could not be executed.
  enum Event { case end }

  private var socket: DatagramSocket?
  var resolverCover: ResolverCover

  fileprivate init(socket: consuming DatagramSocket, resolverCover: consuming ResolverCover) {
    self.socket = consume socket
    self.resolverCover = resolverCover
  }

  /// Whether the command has not been executed yet.
  var isPending: Bool { !interests.isEmpty }

  var interests: [Interest<Event>] {
    switch socket {
    case .some(let socket): [.readable(socket.descriptor.rawValue, .end)]
    case nil: []
    }
  }
  var deadline: Instant? { nil }

  /// The socket has closed, as execve(2) does it, or brings the reason why there was no execve.
  mutating func handle(_ event: Event?, now: Instant) throws -> [Effect] {
    if let message = try socket?.receive(), case .failed(let failure) = HolderReport(message) {
      throw failure
    }
    socket = nil
    return []
  }
}
