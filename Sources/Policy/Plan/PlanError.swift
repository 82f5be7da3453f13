/// Why a configuration has no plan on this host.
public enum PlanError: Error, Hashable, Sendable {
  /// The filter would hold more instructions than the kernel takes.
  case filterTooLarge(instructions: Int, configuredRules: Int, hostRules: Int)
  /// Every synthetic prefix of the family overlaps something of the host or of the configuration.
  case noFreeGuestAddresses(Family)
  /// Every block for the addresses of names overlaps something of the host or of the configuration.
  case noFreeNameAddresses
}

extension PlanError: CustomStringConvertible {
  /// What failed.
  public var problem: String {
    switch self {
    case .filterTooLarge(let instructions, let configured, let host):
      """
      the tap filter needs \(instructions) instructions and can hold \(FilterProgram.maximum) \
      (\(configured) configured rules, \(host) from the host's addresses and routes)
      """
    case .noFreeGuestAddresses(let family):
      """
      no free \(family == .ipv4 ? "IPv4" : "IPv6") prefix for the jail's uplink: the host or the configuration \
      uses each of \
      \(GuestAddresses.candidates(family).map(\.subnet.description).joined(separator: ", "))
      """
    case .noFreeNameAddresses:
      """
      no free IPv4 prefix for the names that the jail may reach: the host or the configuration uses each of \
      \(NameAddresses.candidates.map(\.block.description).joined(separator: ", "))
      """
    }
  }

  /// How to fix it.
  public var fix: String {
    switch self {
    case .filterTooLarge:
      "merge neighbouring allow-ip and block-ip lines into allow-net and block-net prefixes"
    case .noFreeGuestAddresses, .noFreeNameAddresses:
      "free one of them, or narrow the configured prefix that covers it"
    }
  }

  public var description: String { "\(problem)\n\(fix)" }
}
