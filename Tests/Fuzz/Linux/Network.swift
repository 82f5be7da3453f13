/// The network that the code under test sees: queues in memory, driven by the harness. Nothing of the real one is touched, so that each
/// execution takes microseconds and is repeatable, and any call can be made to fail.
public enum Network {
  /// A socket as the kernel would have it.
  public final class Endpoint {
    public let descriptor: CInt
    public let kind: InternetSocket.Kind?
    public internal(set) var isOpen = true
    /// What can be received, message by message; a stream is cut anywhere.
    public var incoming: [[UInt8]] = []
    /// Who sent the datagrams of `incoming`.
    public var senders: [SocketAddress] = []
    /// What was sent.
    public var outgoing: [[UInt8]] = []
    /// To whom each datagram of `outgoing` went, on a socket that is not connected.
    public var recipients: [SocketAddress] = []
    /// Connections that can be accepted.
    public var backlog: [CInt] = []
    /// No more bytes will come.
    public var isAtEnd = false
    /// The error of every further call.
    public var failure: CInt?
    /// How many bytes may be sent before that would have to wait.
    public var window = Int.max
    public internal(set) var peer: SocketAddress?

    init(_ descriptor: CInt, _ kind: InternetSocket.Kind?) {
      self.descriptor = descriptor
      self.kind = kind
    }

    /// Whether poll(2) would report it.
    func isReady(_ events: PollEvents) -> Bool {
      if failure != nil { return true }
      return events == .write ? window > 0 : !incoming.isEmpty || !backlog.isEmpty || isAtEnd
    }
  }

  private struct State {
    var endpoints: [CInt: Endpoint] = [:]
    var opened: [Endpoint] = []
    var faults: [CInt] = []
    var next: CInt = 3
  }

  // SAFETY: libFuzzer runs one execution after the other, in one thread.
  nonisolated(unsafe) private static var state = State()

  /// The open sockets by descriptor.
  public static var endpoints: [CInt: Endpoint] { unsafe state.endpoints }

  /// The sockets that the code under test has opened itself, in order, closed ones too.
  public static var opened: [Endpoint] { unsafe state.opened }

  /// Forgets everything.
  public static func reset() { unsafe state = State() }

  /// The errors of the next calls that open, connect or accept a socket, the last one first; 0 is success.
  public static func inject(_ faults: [CInt]) { unsafe state.faults = faults }

  /// Opens a socket that the code under test takes over, or accepts.
  public static func open(_ kind: InternetSocket.Kind?) -> Endpoint {
    let endpoint = Endpoint(unsafe state.next, kind)
    unsafe state.next += 1
    unsafe state.endpoints[endpoint.descriptor] = endpoint
    return endpoint
  }

  static func socket(_ kind: InternetSocket.Kind) throws(SystemCallError) -> CInt {
    try fail("socket")
    let endpoint = open(kind)
    unsafe state.opened.append(endpoint)
    return endpoint.descriptor
  }

  static func fail(_ call: String) throws(SystemCallError) {
    if let code = unsafe state.faults.popLast(), code != 0 { throw SystemCallError(call, errno: code) }
  }

  static func close(_ descriptor: CInt) {
    // Twice would close somebody else's.
    guard let endpoint = unsafe state.endpoints.removeValue(forKey: descriptor) else {
      fatalError("close \(descriptor): EBADF")
    }
    endpoint.isOpen = false
  }

  /// An open socket; what is used after it was closed is a mistake.
  static subscript(descriptor: CInt) -> Endpoint {
    guard let endpoint = unsafe state.endpoints[descriptor] else {
      fatalError("descriptor \(descriptor): EBADF")
    }
    return endpoint
  }
}
