import Linux
import Policy

/// Sockets of the jail's network, for the supervisor, which is outside of it.
///
/// A socket belongs for ever to the network namespace in which it was made, whoever has it. A child of the supervisor enters the jail's,
/// as only the owner of its user namespace can, makes a few, passes them out and ends: setns(2) is not for the supervisor. No process of
/// the jail ever has them, or is asked. A stock is kept so that a connection need not wait for a child.
final class SocketSupply: Service {
  /// The child has made what it was to make, or has ended.
  enum Event { case made }

  /// What can be had.
  struct Kind: Hashable {
    let transport: InternetSocket.Kind
    let family: Family
  }

  private let userNamespace: FileDescriptor
  private let networkNamespace: FileDescriptor
  private var stock: [Kind: [CInt]] = [:]
  /// Somebody waits for so many that are not there.
  private var wanted: [Kind: Int] = [:]
  private var child: DatagramSocket?
  /// False once the jail's kernel had no IPv6.
  private(set) var hasIPv6 = true
  /// When a process is asked for again, where none could be had.
  private(set) var deadline: Instant?

  /// In one message.
  private static let most = 64
  /// How many are made beyond what is wanted.
  private static let reserve = 24
  private static let patience = Duration.milliseconds(100)

  /// `holder` has entered its namespaces, and not sealed itself yet.
  init(besides holder: CInt) throws(SystemCallError) {
    userNamespace = try FileDescriptor.open("/proc/\(holder)/ns/user", FileDescriptor.readOnly)
    networkNamespace = try FileDescriptor.open("/proc/\(holder)/ns/net", FileDescriptor.readOnly)
  }

  deinit {
    for descriptor in stock.values.joined() { _ = FileDescriptor(owning: descriptor) }
  }

  var interests: [Interest<Event>] {
    switch child {
    case .some(let child): [.readable(child.descriptor.rawValue, .made)]
    case nil: []
    }
  }

  /// A socket of the jail's; nil if there is none now, and then some are made. EAFNOSUPPORT where there will never be one.
  func take(_ kind: Kind) throws(SystemCallError) -> InternetSocket? {
    if kind.family == .ipv6 && !hasIPv6 { throw SystemCallError("socket", errno: Errno.EAFNOSUPPORT) }
    guard let descriptor = stock[kind]?.popLast() else {
      wanted[kind, default: 0] += 1
      start()
      return nil
    }
    if stock[kind, default: []].count < Self.reserve / 4 { start() }
    return InternetSocket(FileDescriptor(owning: descriptor))
  }

  /// What the child is waited for by; nil while there is none.
  var descriptor: CInt? { interests.first?.descriptor }

  func handle(_ event: Event?, now: Instant) -> [Effect] {
    if event == nil, let time = deadline, time <= now { start() }
    if event != nil { receive() }
    return []
  }

  /// What the child has made. One that fails is followed by another, later.
  private func receive() {
    guard let child = child.take() else { return }
    guard let message = try? child.receive(), message.bytes.count == message.descriptors.count else {
      deadline = .now + Self.patience
      return
    }
    for (code, descriptor) in zip(message.bytes, message.descriptors) {
      guard let kind = Kind(code: code) else { continue }
      stock[kind, default: []].append(descriptor)
    }
    if !message.bytes.contains(where: { Kind(code: $0)?.family == .ipv6 }) { hasIPv6 = false }
    for (kind, count) in wanted where count > stock[kind, default: []].count { return start() }
    wanted = [:]
  }

  private func start() {
    guard child == nil else { return }
    deadline = nil
    let kinds = lacking
    let supervisor = Process.id
    do {
      let pair = try DatagramPair()
      let process = try Process.fork()
      guard process == 0 else {
        child = pair.keepFirst()
        return
      }
      try make(kinds, for: pair.keepSecond(), supervisor)
    } catch {
      if Process.id != supervisor { Process.exit(1) }
      deadline = .now + Self.patience
    }
  }

  /// What is to be made: the most wanted first, and a reserve.
  private var lacking: [Kind] {
    var kinds: [Kind] = []
    for kind in Kind.all {
      let reserve = kind.transport == .stream && kind.family == .ipv4 ? Self.reserve : 2
      let count = wanted[kind, default: 0] + reserve - stock[kind, default: []].count
      kinds += [Kind](repeating: kind, count: max(1, min(count, Self.most / 2)))
    }
    return Array(kinds.prefix(Self.most))
  }

  /// In the child.
  private func make(
    _ kinds: [Kind], for parent: consuming DatagramSocket, _ supervisor: CInt
  ) throws -> Never {
    try Process.dieWithParent(supervisor)
    try Namespaces.enter(userNamespace.rawValue)
    try Namespaces.enter(networkNamespace.rawValue)
    var codes: [UInt8] = []
    var descriptors: [CInt] = []
    for kind in kinds {
      do throws(SystemCallError) {
        descriptors.append(try kind.make().release())
        codes.append(kind.code)
      } catch {
        if error.errno != Errno.EAFNOSUPPORT { throw error }
      }
    }
    try parent.send(codes, descriptors: descriptors)
    Process.exit(0)
  }
}

extension SocketSupply.Kind {
  static let all = [Family.ipv4, .ipv6].flatMap { family in
    [InternetSocket.Kind.stream, .datagram].map { Self(transport: $0, family: family) }
  }

  /// What it is in a message.
  fileprivate var code: UInt8 {
    (transport == .stream ? 1 : 2) + (family == .ipv4 ? 0 : 2)
  }

  fileprivate init?(code: UInt8) {
    guard (1...4).contains(code) else { return nil }
    self.init(transport: code % 2 == 1 ? .stream : .datagram, family: code <= 2 ? .ipv4 : .ipv6)
  }

  fileprivate func make() throws(SystemCallError) -> InternetSocket {
    guard let any = SocketAddress([UInt8](repeating: 0, count: family == .ipv4 ? 4 : 16), port: 0) else {
      throw SystemCallError("socket", errno: Errno.EINVAL)
    }
    return try InternetSocket(transport, for: any)
  }
}
