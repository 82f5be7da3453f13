import Linux
import Policy
import Record

/// A door that is to be open, and what listens for it.
final class Door {
  let rule: DoorRule
  /// Who asks for it now.
  var origin: DoorOrigin = .auto
  private(set) var listeners: [DoorListener] = []
  /// How many there are that came by it, and whether there is room for another.
  var connections = 0
  var isAccepting = true
  /// Why nothing listens; nil while all is well.
  private(set) var problem: SystemCallError?
  /// The number that was found, where any would do.
  private var found: UInt16?

  /// How many connections may wait in the kernel.
  private static let backlog: CInt = 128
  /// How often another free number is tried, where the first is not free in both families.
  private static let tries = 16

  init(_ rule: DoorRule) { self.rule = rule }

  var isOpen: Bool { !listeners.isEmpty }

  /// The number that it listens on.
  var port: UInt16 { found ?? rule.listeningPort }

  /// Listens at all its addresses, or at none. `make` gives a socket that is to listen in a family; nil means later: then it is not open
  /// afterwards.
  func open(
    _ make: (Family) throws(SystemCallError) -> InternetSocket?, token: () -> UInt64
  ) throws(SystemCallError) {
    for attempt in 1...Self.tries {
      do throws(SystemCallError) {
        try listen(make, token)
        return
      } catch {
        close()
        // Of a number that the kernel chose for one family, another socket may have the other.
        if rule.listeningPort == 0, error.errno == Errno.EADDRINUSE, attempt < Self.tries { continue }
        throw error
      }
    }
  }

  private func listen(
    _ make: (Family) throws(SystemCallError) -> InternetSocket?, _ token: () -> UInt64
  ) throws(SystemCallError) {
    let addresses = rule.listeningAddresses
    // All of them before the first is bound: a process that is forked to make more would keep it bound for a moment.
    var sockets: [(address: IPAddress, box: InternetSocketBox)] = []
    for address in addresses {
      do throws(SystemCallError) {
        guard let socket = try make(address.family) else { return }
        sockets.append((address, InternetSocketBox(socket)))
      } catch {
        if !isSpared(address, error) { throw error }
      }
    }
    for (address, box) in sockets {
      do throws(SystemCallError) {
        try bind(box.socket, to: address)
        listeners.append(DoorListener(box, at: address, token: token()))
      } catch {
        if isSpared(address, error) { continue }
        throw SystemCallError("bind", Self.text(address, port), errno: error.errno)
      }
    }
  }

  /// A machine without IPv6 has one loopback.
  private func isSpared(_ address: IPAddress, _ error: SystemCallError) -> Bool {
    address.family == .ipv6 && rule.listeningAddresses.count > 1
      && [Errno.EAFNOSUPPORT, Errno.EADDRNOTAVAIL].contains(error.errno)
  }

  private func bind(
    _ socket: borrowing InternetSocket, to address: IPAddress
  ) throws(SystemCallError) {
    guard let place = SocketAddress(address.bytes, port: port) else { return }
    if address.family == .ipv6 { try socket.leaveIPv4() }
    if rule.transport == .stream { try socket.reuseAddress() }
    try socket.bind(to: place)
    if rule.transport == .stream { try socket.listen(backlog: Self.backlog) }
    if port == 0 { found = try socket.localAddress().port }
  }

  func close() {
    listeners = []
    found = nil
  }

  /// It is tried again.
  func forgive() { problem = nil }

  /// It cannot be open.
  func fail(_ error: SystemCallError) {
    close()
    problem = error
  }

  static func text(_ address: IPAddress, _ port: UInt16) -> String {
    address.family == .ipv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
  }

  /// What is said of it.
  var text: String {
    switch rule.kind {
    case .hostPort:
      "host port \(rule.name(rule.outside)) at the jail's localhost:\(rule.inside)"
    case .published:
      "port \(rule.name(rule.inside)) of the jail at \(listeners.map { Self.text($0.address, port) }.joined(separator: ", "))"
    }
  }

  var status: JailStatus.Port {
    let isPublished = rule.kind != .hostPort
    return JailStatus.Port(
      key: isPublished ? "publish" : "allow-host-port", protocol: rule.transport == .stream ? "tcp" : "udp",
      outside: Int(isPublished ? port : rule.outside), inside: Int(rule.inside),
      addresses: isPublished ? listeners.map { "\($0.address)" } : [],
      origin: String("\(origin)".prefix(200)),
      problem: problem.map { errnoText($0.errno) })
  }
}

/// A socket that listens for a door.
final class DoorListener {
  private let box: InternetSocketBox
  let address: IPAddress
  /// What it is in the set of sockets that are waited for.
  let token: UInt64

  init(_ box: InternetSocketBox, at address: IPAddress, token: UInt64) {
    self.box = box
    self.address = address
    self.token = token
  }

  var socket: InternetSocket {
    _read { yield box.socket }
  }
}
