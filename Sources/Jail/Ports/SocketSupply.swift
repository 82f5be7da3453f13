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
  /// What the child was told to make.
  private var ordered: [Kind] = []
  private var child: DatagramSocket?
  /// False once the jail's kernel had no IPv6.
  private(set) var hasIPv6 = true
  /// How many children in a row have brought nothing.
  private var failures = 0
  /// Whoever connects again and again costs no more than this.
  private var children = TokenBucket(rate: 200, burst: 50, now: .now)
  /// Until when no child is made, after one that failed or too many of them.
  private(set) var deadline: Instant?

  /// Of one kind in one message: of all four as many as it can pass.
  private static let most = 16
  private static let patience = Duration.milliseconds(100)
  private static let pause = Duration.milliseconds(20)
  /// After so many nobody is kept waiting.
  private static let mostFailures = 5

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
      if failures >= Self.mostFailures { throw SystemCallError("socket", "jail", errno: Errno.EAGAIN) }
      return nil
    }
    if stock[kind, default: []].count < kind.reserve / 4 { start() }
    return InternetSocket(FileDescriptor(owning: descriptor))
  }

  /// Has some made, so that the first who needs one need not wait: a datagram would be lost.
  func prepare(_ transport: InternetSocket.Kind) {
    if stock[Kind(transport: transport, family: .ipv4), default: []].isEmpty { start() }
  }

  /// What the child is waited for by; nil while there is none.
  var descriptor: CInt? { interests.first?.descriptor }

  func handle(_ event: Event?, now: Instant) -> [Effect] {
    if event == nil, let time = deadline, time <= now {
      deadline = nil
      start()
    }
    if event != nil { receive() }
    return []
  }

  /// What the child has made. One that fails is followed by another, later.
  private func receive() {
    guard let child = child.take() else { return }
    // Whoever still waits asks again.
    wanted = [:]
    let message = try? child.receive()
    let kinds = message?.bytes.compactMap(Kind.init(code:)) ?? []
    guard let message, kinds.count == message.descriptors.count else {
      // Fewer, where this process can have no more.
      for descriptor in message?.descriptors ?? [] { _ = FileDescriptor(owning: descriptor) }
      fail()
      return
    }
    failures = 0
    for (kind, descriptor) in zip(kinds, message.descriptors) { stock[kind, default: []].append(descriptor) }
    if ordered.contains(where: { $0.family == .ipv6 }), !kinds.contains(where: { $0.family == .ipv6 }) {
      hasIPv6 = false
    }
  }

  /// The next child has to wait, whoever asks for it.
  private func fail() {
    failures += 1
    deadline = .now + Self.patience
  }

  private func start() {
    guard child == nil, deadline == nil else { return }
    let kinds = lacking
    if kinds.isEmpty { return }
    guard children.take(now: .now) else {
      deadline = .now + Self.pause
      return
    }
    ordered = kinds
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
      fail()
    }
  }

  /// What is to be made: what is wanted, and a reserve. No more than that: what is there stays.
  private var lacking: [Kind] {
    Kind.all.filter { hasIPv6 || $0.family == .ipv4 }.flatMap { kind in
      let count = wanted[kind, default: 0] + kind.reserve - stock[kind, default: []].count
      return [Kind](repeating: kind, count: max(0, min(count, Self.most)))
    }
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

  /// How many are made beyond what is wanted.
  fileprivate var reserve: Int { transport == .datagram ? 4 : family == .ipv4 ? 24 : 8 }

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
