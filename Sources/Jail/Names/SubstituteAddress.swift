import Policy

/// Addresses that stand for other ones: whoever connects to them leaves it to somebody else where that leads, so they are closed in jails.
enum SubstituteAddress: CaseIterable {
  /// A proxy or VPN client of the host answers every name with one, which it routes to itself (RFC 2544's prefix, which nobody uses).
  case proxy
  /// The network translates to IPv4 (NAT64, RFC 6052), internal addresses too.
  case translation

  /// Of what the addresses are.
  var prefix: Prefix? {
    switch self {
    case .proxy: Prefix("198.18.0.0/15")
    case .translation: Prefix("64:ff9b::/96")
    }
  }

  /// What is wrong with a name that leads to one.
  var reason: String {
    switch self {
    case .proxy: "a proxy answers for every name, with addresses that are closed in jails"
    case .translation: "the network translates to IPv4 (NAT64), by addresses that are closed in jails"
    }
  }

  /// Why nothing of a name can be reached; nil if it has an address of another kind, or none.
  static func explanation(_ name: String, _ addresses: [IPAddress]) -> String? {
    guard let first = addresses.first,
      addresses.allSatisfy({ address in allCases.contains { $0.prefix?.contains(address) == true } })
    else { return nil }
    return allCases.first { $0.prefix?.contains(first) == true }.map { "\(name) is \(first): \($0.reason)" }
  }
}
