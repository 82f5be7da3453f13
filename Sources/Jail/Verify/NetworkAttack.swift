import Linux
import Policy

/// Attacks on the jail that this process is in, through its network.
struct NetworkAttack {
  /// Without host facts: what the configuration and the builtin rules say.
  let plan: Plan

  /// Internal addresses, by what they are. Documentation prefixes are not among them.
  private static let internalAddresses: [(name: String, addresses: [String])] = [
    (
      "private networks",
      ["10.0.0.1", "10.255.255.254", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1.1"]
    ),
    ("metadata services", ["169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"]),
    ("other internal IPv4", ["0.0.0.1", "100.64.0.1", "169.254.1.1", "198.18.0.1", "240.0.0.1"]),
    ("other internal IPv6", ["fd00::1", "fd20:ce::254", "fec0::1", "2001:2::1"]),
    (
      "IPv4 inside of IPv6",
      ["64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::1", "2001::a00:1", "::10.0.0.1"]
    ),
  ]
  private static let everybody = ["224.0.0.251", "239.255.255.250", "255.255.255.255"]
  /// For programs that choose the link themselves; what is local to a link can be had in no other way.
  private static let hard = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "168.63.129.16", "127.0.0.1",
    "fd00:ec2::254", "fc00::1", "64:ff9b::a00:1", "2002:a00:1::1", "fe80::a9fe:a9fe",
  ]

  /// A port that hardly anybody allows.
  private static let port: UInt16 = 47

  /// What a route refuses with: a blackhole, or none.
  private static let byRoute = Refusals(
    ipv4: [Errno.EINVAL, Errno.ENETUNREACH], ipv6: [Errno.EINVAL, Errno.ENETUNREACH])
  /// What the filter refuses with, in the supervisor's words, ICMP "administratively prohibited"; or a family that the jail does not have.
  private static let byFilter = Refusals(ipv4: [Errno.EHOSTUNREACH], ipv6: [Errno.EACCES, Errno.ENETUNREACH])
  private static let byLoopback = Refusals(
    ipv4: [Errno.ECONNREFUSED], ipv6: [Errno.ECONNREFUSED, Errno.ENETUNREACH, Errno.EADDRNOTAVAIL])

  private struct Refusals {
    let ipv4: [CInt]
    let ipv6: [CInt]

    func contain(_ outcome: Attempt.Outcome, for address: IPAddress) -> Bool {
      (address.family == .ipv4 ? ipv4 : ipv6).contains { outcome == .refused($0) }
    }

    func text(for attempts: [Attempt]) -> String {
      let families = Set(attempts.map(\.address.family))
      let codes = (families.contains(.ipv4) ? ipv4 : []) + (families.contains(.ipv6) ? ipv6 : [])
      var names: [String] = []
      for name in codes.map(errnoName) where !names.contains(name) { names.append(name) }
      return names.joined(separator: " or ")
    }
  }

  /// What programs that use the network as usual are told.
  var ordinary: [Check] {
    Self.internalAddresses.map { check($0.name, .stream, .routes, $0.addresses, Self.byRoute) }
      + [check("multicast and broadcast", .datagram, .routes, Self.everybody, Self.byRoute)]
  }

  /// What programs that choose the link themselves are told: the packet passes every route, and meets the filter.
  var pastTheRoutes: [Check] {
    guard hasLink else {
      return [
        Check(
          "past the routes", .skipped, tried: "send by \(Uplink.linkName)", expected: "a refusal",
          saw: "there is no such link: network = none")
      ]
    }
    let gateways = ["192.0.0.1"]
    return [
      check("the gateway", .stream, .routes, gateways, Self.byFilter),
      check("SO_BINDTODEVICE, TCP", .stream, .boundToDevice, Self.hard, Self.byFilter),
      check("SO_BINDTODEVICE, UDP", .datagram, .boundToDevice, Self.hard, Self.byFilter),
      check("IP_UNICAST_IF", .datagram, .unicastInterface, Self.hard, Self.byFilter),
      check("IP_PKTINFO", .datagram, .packetInfo, Self.hard, Self.byFilter),
    ]
  }

  /// The shortest proof that a filter stands behind the routes: nil, or the check that failed.
  var filterStands: Check? {
    guard hasLink else { return nil }
    return [InternetSocket.Kind.stream, .datagram].map {
      check("the filter", $0, .boundToDevice, Array(Self.hard.prefix(4)), Self.byFilter)
    }.first { $0.state == .failed }
  }

  private var hasLink: Bool { linkIndex(ofZone: Uplink.linkName) != nil }

  /// What the host is from inside.
  func canaries(_ targets: [Target]) -> [Check] {
    var loopbacks: [(IPAddress, UInt16)] = []
    var hosts: [(IPAddress, UInt16)] = []
    var resolvers: [(IPAddress, UInt16)] = []
    for target in targets {
      switch target {
      case .loopback(let address, let port): loopbacks.append((address, port))
      case .host(let address, let port): hosts.append((address, port))
      case .resolver(let address): resolvers.append((address, 53))
      case .unix, .abstract: break
      }
    }
    let rows = [
      ("the host's loopback", loopbacks, InternetSocket.Way.routes, Self.byLoopback),
      ("the host's addresses", hosts, .routes, Self.byRoute),
      ("the host's addresses, SO_BINDTODEVICE", hosts, .boundToDevice, Self.byFilter),
      ("the host's name servers", resolvers, .routes, Self.byRoute),
      ("the host's name servers, SO_BINDTODEVICE", resolvers, .boundToDevice, Self.byFilter),
    ]
    return rows.filter { !$0.1.isEmpty && ($0.2 == .routes || hasLink) }.map { name, peers, way, refusals in
      outcome(
        name, peers.map { Attempt(kind: .stream, way: way, address: $0.0, port: $0.1) }, refusals)
    }
  }

  /// Whether the network that shall be there is: a dead one closes everything.
  static func controls(offline: Bool, network: NetworkMode) -> [Check] {
    let loopback = SocketAddress([127, 0, 0, 1], port: 0)
    var connected = false
    if let loopback, let listener = try? InternetSocket(.stream, for: loopback) {
      if (try? listener.bind(to: loopback)) != nil, (try? listener.listen(backlog: 1)) != nil,
        let address = try? listener.localAddress()
      {
        connected = Attempt.connect(to: address)
      }
    }
    var checks = [
      Check(
        "loopback works", tried: "connect to a service of this process", expected: "connected",
        saw: connected ? "connected" : "no connection")
    ]
    let name = "api.anthropic.com"
    if offline || network != .internet {
      let reason = offline ? "--offline" : "network = \(network.rawValue)"
      return checks + [
        Check("name service works", .skipped, tried: "look \(name) up", expected: "an address", saw: reason),
        Check(
          "the internet works", .skipped, tried: "connect to \(name):443", expected: "connected", saw: reason),
      ]
    }
    let addresses = HostNames.addresses(of: name)
    checks.append(
      Check(
        "name service works", addresses.isEmpty ? .failed : .ok, tried: "look \(name) up",
        expected: "an address",
        saw: addresses.first.map { "\($0)" } ?? "none (without internet: --offline)"))
    let reached = Attempt.all(addresses.map { Attempt(kind: .stream, way: .routes, address: $0, port: 443) })
    checks.append(
      Check(
        "the internet works", reached.contains(.connected) ? .ok : .failed, tried: "connect to \(name):443",
        expected: "connected",
        saw: reached.contains(.connected)
          ? "connected" : reached.first.map { "\($0)" } ?? "no address (without internet: --offline)"))
    return checks
  }

  /// Tries what the configuration does not allow: that is no escape.
  private func check(
    _ name: String, _ kind: InternetSocket.Kind, _ way: InternetSocket.Way, _ addresses: [String],
    _ refusals: Refusals
  ) -> Check {
    let attempts = addresses.compactMap { IPAddress($0) }.filter { address in
      let flow = Flow(destination: address, transport: kind == .stream ? .tcp : .udp, port: Self.port)
      return !plan.decide(flow).allowed
    }.map { Attempt(kind: kind, way: way, address: $0, port: Self.port) }
    guard !attempts.isEmpty else {
      return Check(
        name, .skipped, tried: "connect", expected: "a refusal", saw: "the configuration allows it")
    }
    return outcome(name, attempts, refusals)
  }

  /// Passes when every attempt was refused in the way of its wall.
  private func outcome(_ name: String, _ attempts: [Attempt], _ refusals: Refusals) -> Check {
    let outcomes = Attempt.all(attempts)
    let wrong = zip(attempts, outcomes).filter { !refusals.contain($1, for: $0.address) }
    var counts: [String: Int] = [:]
    for outcome in outcomes { counts["\(outcome)", default: 0] += 1 }
    let summary = counts.sorted { $0.key < $1.key }.map { "\($0.key) ×\($0.value)" }.joined(separator: ", ")
    let tried =
      (attempts.first?.kind == .stream ? "connect to " : "send to ")
      + attempts.map { "\($0.address)" }.joined(separator: ", ")
    return Check(
      name, wrong.isEmpty ? .ok : .failed, tried: tried, expected: refusals.text(for: attempts),
      saw: wrong.isEmpty ? summary : wrong.map { "\($0.address): \($1)" }.joined(separator: ", "))
  }
}
