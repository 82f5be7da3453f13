/// Part of the services of one address, and what decides about all of it.
public struct Reach: Hashable, Sendable {
  public let transport: TransportProtocol
  /// The ports; nil for echo, which has none.
  public let ports: ClosedRange<UInt16>?
  public let decision: Decision
}

extension Plan {
  /// Every service of an address, cut where another rule begins to decide: TCP, UDP, then echo, ports
  /// ascending.
  public func reach(of address: IPAddress) -> [Reach] {
    let rules = rules.filter { $0.prefix.contains(address) }
    return TransportProtocol.allCases.flatMap { transport in
      guard transport != .icmp else {
        let decision = decide(Flow(destination: address, transport: .icmp, port: 0))
        return [Reach(transport: .icmp, ports: nil, decision: decision)]
      }
      let ranges = rules.flatMap { transport == .tcp ? $0.services.tcp.ranges : $0.services.udp.ranges }
      let starts = Set([0] + ranges.map { Int($0.lowerBound) } + ranges.map { Int($0.upperBound) + 1 })
        .filter { $0 <= 65535 }.sorted()
      var parts: [Reach] = []
      for (start, next) in zip(starts, starts.dropFirst() + [65536]) {
        let decision = decide(Flow(destination: address, transport: transport, port: UInt16(start)))
        var first = UInt16(start)
        if let last = parts.last, last.decision == decision, let ports = last.ports {
          first = ports.lowerBound
          parts.removeLast()
        }
        parts.append(Reach(transport: transport, ports: first...UInt16(next - 1), decision: decision))
      }
      return parts
    }
  }
}
