import Policy

/// The hosts(5) of a jail that has names of its own: no line of the host's leads round the gateway, or elsewhere than to the ports of
/// the host that the jail has.
enum JailHosts {
  /// `host` is what the host's says.
  static func text(_ plan: NamePlan?, host: [UInt8], hostName: String, hasHostPorts: Bool = false) -> [UInt8]
  {
    func isOurs(_ name: DomainName) -> Bool {
      plan.map { isOfGateway(name, $0) } ?? false || hasHostPorts && HostPorts.hostNames.contains(name)
    }
    let names =
      plan?.isExclusive == true
      ? own(HostsLine.all(in: host), hostName, isOurs) : without(host, isOurs)
    return hasHostPorts ? names + hostLines : names
  }

  /// Behind all others: the first name of an address is what it is called.
  private static let hostLines: [UInt8] = {
    let names = HostPorts.hostNames.map(\.text).joined(separator: " ")
    return Array(Family.allCases.map { "\(IPAddress.loopback($0)) \(names)\n" }.joined().utf8)
  }()

  /// This machine alone: its names, as its own file has them.
  private static func own(
    _ host: [HostsLine], _ hostName: String, _ isOurs: (DomainName) -> Bool
  ) -> [UInt8] {
    var text = """
      # Written by claude-sandbox: other names are looked up.
      127.0.0.1 localhost
      ::1 localhost ip6-localhost ip6-loopback

      """
    if let own = DomainName(hostName) {
      let lines = host.map { $0.names.compactMap { DomainName(labels: HostsLine.labels($0)) } }
      var names = lines.first { $0.contains(own) } ?? []
      // A line of the loopback's addresses may name it, too.
      names.removeAll { $0.labels.last == "localhost" || isOurs($0) && $0 != own }
      if !names.contains(own) { names.insert(own, at: 0) }
      text += "127.0.1.1 \(names.map(\.text).joined(separator: " "))\n"
    }
    return Array(text.utf8)
  }

  /// The host's, without the names that are the jail's, and without the short names of these in the same line.
  private static func without(_ host: [UInt8], _ isOurs: (DomainName) -> Bool) -> [UInt8] {
    var text: [UInt8] = []
    for line in HostsLine.all(in: host) {
      let names = line.names.map { DomainName(labels: HostsLine.labels($0)) }
      let served = names.compactMap(\.self).filter(isOurs)
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
