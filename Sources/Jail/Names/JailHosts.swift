import Policy

/// The hosts(5) of a jail that has names: no line of the host's leads round the gateway.
enum JailHosts {
  /// `host` is what the host's says.
  static func text(_ plan: NamePlan, host: [UInt8], hostName: String) -> [UInt8] {
    plan.isExclusive ? own(plan, HostsLine.all(in: host), hostName) : without(plan, host)
  }

  /// This machine alone: its names, as its own file has them.
  private static func own(_ plan: NamePlan, _ host: [HostsLine], _ hostName: String) -> [UInt8] {
    var text = """
      # Written by claude-sandbox: other names are looked up.
      127.0.0.1 localhost
      ::1 localhost ip6-localhost ip6-loopback

      """
    if let own = DomainName(hostName) {
      let lines = host.map { $0.names.compactMap { DomainName(labels: HostsLine.labels($0)) } }
      var names = lines.first { $0.contains(own) } ?? []
      // A line of the loopback's addresses may name it, too.
      names.removeAll { $0.labels.last == "localhost" || isOfGateway($0, plan) && $0 != own }
      if !names.contains(own) { names.insert(own, at: 0) }
      text += "127.0.1.1 \(names.map(\.text).joined(separator: " "))\n"
    }
    return Array(text.utf8)
  }

  /// The host's, without the names that the gateway serves or refuses, and without the short names of these in the same line.
  private static func without(_ plan: NamePlan, _ host: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for line in HostsLine.all(in: host) {
      let names = line.names.map { DomainName(labels: HostsLine.labels($0)) }
      let served = names.compactMap(\.self).filter { isOfGateway($0, plan) }
      let kept = zip(line.names, names).filter { _, name in
        guard let name else { return true }
        return !served.contains { $0 == name || $0.text.hasPrefix("\(name).") }
      }
      if served.isEmpty {
        text += line.bytes + [UInt8(ascii: "\n")]
      } else if let rest = line.keeping(kept.map(\.0)) {
        text += rest + [UInt8(ascii: "\n")]
      }
    }
    return text
  }

  private static func isOfGateway(_ name: DomainName, _ plan: NamePlan) -> Bool {
    switch plan.policy.standing(name) {
    case .allowed(let rule): plan.isExclusive || rule.isInternal
    case .blocked: true
    case .ancestor, .unlisted: false
    }
  }
}
