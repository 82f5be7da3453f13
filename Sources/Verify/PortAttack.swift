import Linux
import Policy

/// Attacks on what lies beside the host's ports that the jail this process is in may have.
struct PortAttack {
  let ports: [HostPorts]

  private static let loopback = [IPAddress.loopback(.ipv4), .loopback(.ipv6)]
  /// So many lines are looked at.
  private static let most = 16

  func checks() -> [Check] {
    let ports = Array(ports.prefix(Self.most))
    if ports.isEmpty { return [] }
    return [opened(ports), closed(ports)].compactMap { $0 }
  }

  /// The first of each line. Not one of them is spoken to: it is connected to, and closed.
  private func opened(_ ports: [HostPorts]) -> Check? {
    let attempts = ports.filter { $0.transport == .tcp }.map {
      Attempt(kind: .stream, choice: .routes, address: .loopback(.ipv4), port: $0.inside)
    }
    if attempts.isEmpty { return nil }
    let outcomes = Attempt.all(attempts)
    // A door behind which nobody serves resets who comes.
    let missing = zip(attempts, outcomes).filter { $1 != .connected && $1 != .refused(Errno.ECONNRESET) }
    return Check(
      "the host's ports", missing.isEmpty ? .ok : .warning,
      tried: "connect to localhost:" + attempts.map { "\($0.port)" }.joined(separator: ", "),
      expected: "connected",
      saw: missing.isEmpty
        ? "connected"
        : missing.map { "\($0.port): \($1) ('claude-sandbox ps' says why)" }.joined(separator: ", "))
  }

  /// The numbers before and behind each line's. A server of the jail's own there looks the same, and fails this too: from outside, with
  /// a jail of its own, there is none.
  private func closed(_ ports: [HostPorts]) -> Check? {
    let attempts = ports.flatMap { line in
      neighbours(of: line).flatMap { port in
        Self.loopback.map {
          Attempt(
            kind: line.transport == .udp ? .datagram : .stream, choice: .routes, address: $0, port: port)
        }
      }
    }
    if attempts.isEmpty { return nil }
    let expected = [Errno.ECONNREFUSED, Errno.ENETUNREACH, Errno.EADDRNOTAVAIL]
    let wrong = zip(attempts, Attempt.all(attempts)).filter { _, outcome in
      !expected.contains { outcome == .refused($0) }
    }
    var numbers: [UInt16] = []
    for attempt in attempts where !numbers.contains(attempt.port) { numbers.append(attempt.port) }
    return Check(
      "beside the host's ports", wrong.isEmpty ? .ok : .failed,
      tried: "connect to localhost:" + numbers.map { "\($0)" }.joined(separator: ", "),
      expected: errnoName(Errno.ECONNREFUSED),
      saw: wrong.isEmpty
        ? errnoName(Errno.ECONNREFUSED)
        : wrong.map { "\($0.address) port \($0.port): \($1)" }.joined(separator: ", "))
  }

  private func neighbours(of line: HostPorts) -> [UInt16] {
    let last = Int(line.inside) + line.outside.count - 1
    return [Int(line.inside) - 1, last + 1].compactMap { UInt16(exactly: $0) }.filter { port in
      port > 0 && !ports.contains { $0.transport == line.transport && $0.outside(of: port) != nil }
    }
  }
}
