import Jail
import Linux
import Netlink
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
      ["64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::1", "2001::a00:1", "::10.0.0.1", "::ffff:10.0.0.1"]
    ),
  ]
  /// Resolvers that anybody may ask.
  private static let publicAddresses = ["1.1.1.1", "8.8.8.8", "9.9.9.9", "2606:4700:4700::1111"]
  private static let everybody = ["224.0.0.251", "239.255.255.250", "255.255.255.255"]
  /// Needs a link to be sent by.
  private static let everybody6 = ["ff02::fb", "ff05::2", "ff0e::1"]
  /// For programs that choose the link themselves; what is local to a link can be had in no other way.
  private static let hard = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "168.63.129.16", "127.0.0.1",
    "fd00:ec2::254", "fc00::1", "64:ff9b::a00:1", "2002:a00:1::1", "fe80::a9fe:a9fe",
  ]

  /// A port that hardly any configuration allows.
  private static let port: UInt16 = 47

  /// What a route refuses with: the refusal link, in the supervisor's words, ICMP "administratively prohibited"; a blackhole, where
  /// nobody holds that link any more; or no route at all.
  private static let byRoute = Refusals(
    ipv4: [Errno.EHOSTUNREACH, Errno.EINVAL, Errno.ENETUNREACH],
    ipv6: [Errno.EACCES, Errno.EINVAL, Errno.ENETUNREACH])
  /// What the filter refuses with, in the same words; or a family that the jail does not have.
  private static let byFilter = Refusals(
    ipv4: [Errno.EHOSTUNREACH], ipv6: [Errno.EACCES, Errno.ENETUNREACH, Errno.EADDRNOTAVAIL])
  private static let byLoopback = Refusals(
    ipv4: [Errno.ECONNREFUSED], ipv6: [Errno.ECONNREFUSED, Errno.ENETUNREACH, Errno.EADDRNOTAVAIL])

  private struct Refusals {
    let ipv4: [CInt]
    let ipv6: [CInt]

    func contain(_ outcome: Attempt.Outcome, for attempt: Attempt) -> Bool {
      (attempt.destination.family == .ipv4 ? ipv4 : ipv6).contains { outcome == .refused($0) }
    }

    func text(for attempts: [Attempt]) -> String {
      let codes =
        (attempts.contains { $0.destination.family == .ipv4 } ? ipv4 : [])
        + (attempts.contains { $0.destination.family == .ipv6 } ? ipv6 : [])
      var names: [String] = []
      for name in codes.map(errnoName) where !names.contains(name) { names.append(name) }
      return names.joined(separator: " or ")
    }
  }

  /// What one row tries, and which refusals it takes for one.
  private struct Row {
    let name: String
    let attempts: [Attempt]
    let refusals: Refusals
    /// Why there is nothing to try, when there is nothing.
    var absence = "the configuration allows it"
  }

  func checks(_ targets: [Target]) -> [Check] {
    let noLink = Check(
      "past the routes", .skipped, tried: "send by \(Uplink.linkName)", expected: "a refusal",
      saw: "there is no such link: nothing is open by address")
    // All rows at once: each that is not answered would have to be waited for.
    return Self.outcomes(of: ordinary + (hasLink ? pastTheRoutes : []) + canaries(targets))
      + (hasLink ? [] : [noLink])
  }

  /// The shortest proof that a filter stands behind the routes: nil, or the check that failed.
  var filterStands: Check? {
    guard hasLink else { return nil }
    let rows = [InternetSocket.Kind.stream, .datagram].map {
      row("the filter", $0, .boundToDevice, Array(Self.hard.prefix(4)), Self.byFilter)
    }
    return Self.outcomes(of: rows).first { $0.state == .failed }
  }

  /// What programs get that use the network as usual.
  private var ordinary: [Row] {
    Self.internalAddresses.map { row($0.name, .stream, .routes, $0.addresses, Self.byRoute) }
      + [row("multicast and broadcast", .datagram, .routes, Self.everybody, Self.byRoute)]
      + (plan.network == .restricted
        ? [row("public addresses", .stream, .routes, Self.publicAddresses, Self.byRoute)] : [])
  }

  /// What programs get that choose the link themselves: the packet passes every route, and meets the filter.
  private var pastTheRoutes: [Row] {
    [
      Row(
        name: "the gateway",
        attempts: Self.gateways.map { Attempt(kind: .stream, choice: .routes, address: $0, port: Self.port) },
        refusals: Self.byFilter, absence: "no route has one"),
      row("SO_BINDTODEVICE, TCP", .stream, .boundToDevice, Self.hard + ["::ffff:10.0.0.1"], Self.byFilter),
      row("SO_BINDTODEVICE, UDP", .datagram, .boundToDevice, Self.hard, Self.byFilter),
      row(
        "SO_BINDTODEVICE, multicast", .datagram, .boundToDevice, Self.everybody + Self.everybody6,
        Self.byFilter),
      row("IP_UNICAST_IF", .datagram, .unicastInterface, Self.hard, Self.byFilter),
      row("IP_PKTINFO", .datagram, .packetInfo, Self.hard, Self.byFilter),
    ]
  }

  private var hasLink: Bool { linkIndex(ofZone: Uplink.linkName) != nil }

  /// What stands for the relay: the host would really connect to that address. Read from the routes, since a host
  /// that uses the first choice itself has jails with another.
  private static var gateways: [IPAddress] {
    guard let link = linkIndex(ofZone: Uplink.linkName), var kernel = try? NetlinkSocket() else { return [] }
    var found: [IPAddress] = []
    for family in AddressFamily.allCases {
      let routes = ((try? kernel.request(Route.dumpRequest(family), dump: true)) ?? []).compactMap(Route.init)
      for route in routes
      where route.kind == .unicast && route.table == Route.mainTable
        && route.installer != Route.kernelInstaller
      {
        for hop in route.nextHops where hop.link == link {
          // Nothing is on-link but the gateway itself.
          let onLink = Int(route.prefixLength) == family.size * 8 ? route.destination : nil
          guard let gateway = (hop.gateway ?? onLink).flatMap({ IPAddress(bytes: $0) }) else { continue }
          if !found.contains(gateway) { found.append(gateway) }
        }
      }
    }
    return found
  }

  /// What the host is from inside.
  private func canaries(_ targets: [Target]) -> [Row] {
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
      ("the host's loopback", loopbacks, InternetSocket.LinkChoice.routes, Self.byLoopback),
      ("the host's loopback, SO_BINDTODEVICE", loopbacks, .boundToDevice, Self.byFilter),
      ("the host's addresses", hosts, .routes, Self.byRoute),
      ("the host's addresses, SO_BINDTODEVICE", hosts, .boundToDevice, Self.byFilter),
      ("the host's name servers", resolvers, .routes, Self.byRoute),
      ("the host's name servers, SO_BINDTODEVICE", resolvers, .boundToDevice, Self.byFilter),
    ]
    return rows.filter { !$0.1.isEmpty && ($0.2 == .routes || hasLink) }.map {
      name, peers, choice, refusals in
      let attempts = peers.flatMap { peer in
        [InternetSocket.Kind.stream, .datagram].map {
          Attempt(kind: $0, choice: choice, address: peer.0, port: peer.1)
        }
      }
      return Row(name: name, attempts: attempts, refusals: refusals)
    }
  }

  /// Tries what the configuration does not allow: that is no escape.
  private func row(
    _ name: String, _ kind: InternetSocket.Kind, _ choice: InternetSocket.LinkChoice, _ addresses: [String],
    _ refusals: Refusals
  ) -> Row {
    let attempts = addresses.compactMap { IPAddress($0) }.map {
      Attempt(kind: kind, choice: choice, address: $0, port: Self.port)
    }
    return Row(
      name: name,
      attempts: attempts.filter { attempt in
        let transport = kind == .stream ? TransportProtocol.tcp : .udp
        return !plan.decide(
          Flow(destination: attempt.destination, transport: transport, port: attempt.port)
        ).allowed
      }, refusals: refusals)
  }

  private static func outcomes(of rows: [Row]) -> [Check] {
    var outcomes = Attempt.all(rows.flatMap(\.attempts))[...]
    return rows.map { row in
      defer { outcomes = outcomes.dropFirst(row.attempts.count) }
      return check(row, Array(outcomes.prefix(row.attempts.count)))
    }
  }

  /// Passes when every attempt was refused in the way of its wall.
  private static func check(_ row: Row, _ outcomes: [Attempt.Outcome]) -> Check {
    guard !row.attempts.isEmpty else {
      return Check(
        row.name, .skipped, tried: "connect", expected: "a refusal", saw: row.absence)
    }
    let wrong = zip(row.attempts, outcomes).filter { !row.refusals.contain($1, for: $0) }
    var counts: [String: Int] = [:]
    for outcome in outcomes { counts["\(outcome)", default: 0] += 1 }
    let summary = counts.sorted { $0.key < $1.key }.map { "\($0.key) ×\($0.value)" }.joined(separator: ", ")
    var addresses: [IPAddress] = []
    for attempt in row.attempts where !addresses.contains(attempt.address) {
      addresses.append(attempt.address)
    }
    let verbs = [(InternetSocket.Kind.stream, "connect"), (.datagram, "send")].filter { kind, _ in
      row.attempts.contains { $0.kind == kind }
    }.map(\.1).joined(separator: " and ")
    return Check(
      row.name, wrong.isEmpty ? .ok : .failed,
      tried: "\(verbs) to \(addresses.map { "\($0)" }.joined(separator: ", "))",
      expected: row.refusals.text(for: row.attempts),
      saw: wrong.isEmpty ? summary : wrong.map { "\($0.address): \($1)" }.joined(separator: ", "))
  }
}
