import Linux
public import Policy

/// Something outside of the jail that must not be reached from inside, given to the attacker as a word.
public enum Target: Sendable, Hashable, CustomStringConvertible {
  /// A service on the host's loopback, TCP and UDP.
  case loopback(IPAddress, port: UInt16)
  /// A service on an address of the host, TCP and UDP.
  case host(IPAddress, port: UInt16)
  /// A name server of the host.
  case resolver(IPAddress)
  case unix(String)
  case abstract(String)

  public init?(_ word: String) {
    let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return nil }
    let (kind, value) = (parts[0], parts[1])
    switch kind {
    case "unix": self = .unix(value)
    case "abstract": self = .abstract(value)
    case "resolver":
      guard let address = IPAddress(value) else { return nil }
      self = .resolver(address)
    case "loopback", "host":
      let halves = value.split(separator: "#")
      guard halves.count == 2, let address = IPAddress(String(halves[0])), let port = UInt16(halves[1]) else {
        return nil
      }
      self = kind == "host" ? .host(address, port: port) : .loopback(address, port: port)
    default: return nil
    }
  }

  public var description: String {
    switch self {
    case .loopback(let address, let port): "loopback=\(address)#\(port)"
    case .host(let address, let port): "host=\(address)#\(port)"
    case .resolver(let address): "resolver=\(address)"
    case .unix(let path): "unix=\(path)"
    case .abstract(let name): "abstract=\(name)"
    }
  }
}

/// Services outside of the jail whose only purpose is to notice that they were reached.
public struct Canaries: ~Copyable {
  /// What the attacker tries.
  public private(set) var targets: [Target] = []
  private var internet: [InternetCanary] = []
  private var unix: [UnixCanary] = []
  private var path: String?

  private final class InternetCanary {
    private let tcp: InternetSocket
    private let udp: InternetSocket
    let address: SocketAddress

    init(_ address: IPAddress) throws {
      guard let any = SocketAddress(address.bytes, port: 0) else {
        throw SystemCallError("bind", "\(address)", errno: Errno.EINVAL)
      }
      tcp = try InternetSocket(.stream, for: any)
      try tcp.bind(to: any)
      try tcp.listen(backlog: 16)
      self.address = try tcp.localAddress()
      udp = try InternetSocket(.datagram, for: any)
      try udp.bind(to: self.address)
    }

    /// One port of both protocols, which the kernel chooses for one; somebody may have the other's.
    static func start(_ address: IPAddress) -> InternetCanary? {
      for _ in 0..<8 {
        if let canary = try? InternetCanary(address) { return canary }
      }
      return nil
    }

    func touch() {
      _ = Attempt.connect(to: address)
      if let socket = try? InternetSocket(.datagram, for: address) { try? socket.send([0], to: address) }
    }

    /// By how many of the two protocols somebody came; forgets one of each.
    func countReached() -> Int {
      var buffer: [UInt8] = [0]
      let connected = ((try? tcp.accept()) ?? nil) != nil
      let received = ((try? udp.receiveDatagram(into: &buffer)) ?? nil) != nil
      return (connected ? 1 : 0) + (received ? 1 : 0)
    }
  }

  private final class UnixCanary {
    let socket: UnixSocket
    let name: UnixSocket.Name
    init(_ name: UnixSocket.Name) throws {
      socket = try UnixSocket()
      try socket.listen(as: name)
      self.name = name
    }
  }

  /// Starts one on the loopback, on each address of the host that the plan closes, on a Unix socket that jails
  /// cover, and on an abstract one.
  public init(_ plan: Plan, _ facts: HostFacts) throws {
    let loopbacks = ["127.0.0.1", "::1"].compactMap { IPAddress($0) }
    let own = facts.addresses.map(\.address).filter { $0.bytes.first != 127 && !loopbacks.contains($0) }
    for address in loopbacks + own {
      // An address of a family that is switched off, or one that is tentative, cannot be bound.
      guard let canary = InternetCanary.start(address) else { continue }
      let port = canary.address.port
      if loopbacks.contains(address) {
        targets.append(.loopback(address, port: port))
      } else if Self.isClosed(address, port, plan) {
        targets.append(.host(address, port: port))
      } else {
        continue
      }
      internet.append(canary)
    }
    for resolver in facts.resolvers.map(\.address)
    where resolver.bytes.first != 127 && !loopbacks.contains(resolver)
      && Self.isClosed(resolver, 53, plan)
    {
      targets.append(.resolver(resolver))
    }
    let name = "claude-sandbox-verify-\(Process.id)"
    // As Neovim names its sockets: a row of the list.
    let path = "/tmp/nvim.\(name)"
    unix = [try UnixCanary(.abstract(name)), try UnixCanary(.path(path))]
    self.path = path
    targets += [.unix(path), .abstract(name)]
  }

  private static func isClosed(_ address: IPAddress, _ port: UInt16, _ plan: Plan) -> Bool {
    [.tcp, .udp].allSatisfy {
      !plan.decide(Flow(destination: address, transport: $0, port: port)).allowed
    }
  }

  deinit { if let path { FileStatus.remove(path) } }

  /// Whether all of them can be reached from here: what cannot be reached proves nothing.
  public func control() -> Check {
    for canary in internet { canary.touch() }
    for canary in unix { if let socket = try? UnixSocket() { try? socket.connect(to: canary.name) } }
    let reached = countReached()
    return Check(
      "canaries, from outside",
      tried: "connect and send to \(internet.count + unix.count) services of this process",
      expected: "\(2 * internet.count + unix.count) reached", saw: "\(reached) reached")
  }

  /// Whether any of them was reached since `control`.
  public func witness() -> Check {
    Check(
      "canaries, afterwards", tried: "check whether any was contacted", expected: "0 reached",
      saw: "\(countReached()) reached")
  }

  private func countReached() -> Int {
    internet.reduce(0) { $0 + $1.countReached() } + unix.count { $0.socket.wasReached() }
  }
}
