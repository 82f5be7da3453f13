/// Where no internal name leads, whatever its line says.
enum InternalNameLimit {
  /// The rule that keeps a port of an address closed; nil if an internal name may lead there.
  static func rule(_ address: IPAddress, port: UInt16, by rules: [Rule]) -> Rule? {
    if let prefix = CloudMetadata.prefixes.first(where: { $0.contains(address) }) {
      return Rule(prefix: prefix, action: .block, origin: .builtin("link-local or cloud metadata"))
    }
    if let builtin = BuiltinPrefix.rules.filter({ $0.prefix.contains(address) })
      .max(by: { $0.prefix.length < $1.prefix.length }), !networks.contains(builtin.prefix)
    {
      return builtin
    }
    return rules.first { isHosts($0, port) && $0.prefix.contains(address) }
  }

  // The host itself trusts whoever is on it, also where it answers for a whole prefix: its local table comes before every other route.
  // Its name servers may offer a service by name (a domain controller is one), but not their own: the jail's questions go through
  // 127.0.0.53, where names are decided.
  private static func isHosts(_ rule: Rule, _ port: UInt16) -> Bool {
    switch rule.origin {
    case .hostAddress, .localRoute, .guestSubnet, .nameAddresses: true
    case .resolver: [53, 853].contains(port)
    default: false
    }
  }

  /// The builtin prefixes that internal networks are made of. What wraps an IPv4 address is not among them: it could be any.
  private static let networks: Set<Prefix> = Set(
    [
      "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7",
    ].compactMap { Prefix($0) })
}
