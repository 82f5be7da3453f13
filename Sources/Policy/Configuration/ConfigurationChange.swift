/// What a running jail makes of new files: it takes over what it can, and keeps the rest as it was launched.
public struct ConfigurationChange: Sendable, Equatable {
  /// What holds for the jail from then on.
  public let configuration: Configuration
  /// The keys whose values in the files are others, in the order of the manual page.
  public let waiting: [String]
  /// How many rules came and went; nil if none did.
  public let summary: String?

  /// With `mayWiden` false the jail takes over only what closes: no new rule that allows, and no loss of one that blocks. Without
  /// IPv6, which a launch gives, its rules wait.
  public init(from current: Configuration, to new: Configuration, mayWiden: Bool, hasIPv6: Bool = true) {
    var next = current
    next.rules = mayWiden ? new.rules : Self.narrowed(current.rules, new.rules)
    next.ignored = new.ignored
    // An uplink can be taken away, and not given.
    if new.network.value == .none, current.network.value != .none { next.network = new.network }
    configuration = next
    waiting = ConfigurationKey.all.filter { key in
      switch key.name {
      case "network" where next.hasNoNetworkByOption: false
      case "ipv6" where !hasIPv6 && new.wantsIPv6: true
      default: !key.isForeign && Self.values(of: key, in: next) != Self.values(of: key, in: new)
      }
    }.map(\.name)
    summary = Self.summary(from: current.rules, to: next.rules)
  }

  /// To remove what allows, and to add what blocks, can only close: whatever else matches, the answer for a flow changes from
  /// "allowed" to "blocked" or not at all. So this opens nothing that either of the two keeps closed.
  private static func narrowed(_ current: [Rule], _ new: [Rule]) -> [Rule] {
    let before = Set(current.map(\.content))
    let after = Set(new.map(\.content))
    return new.filter { $0.action == .block || before.contains($0.content) }
      + current.filter { $0.action == .block && !after.contains($0.content) }
  }

  private static func values(of key: ConfigurationKey, in configuration: Configuration) -> Set<String> {
    Set(key.entries(configuration).map(\.value))
  }

  private static func summary(from current: [Rule], to next: [Rule]) -> String? {
    let before = Set(current.map(\.content))
    let after = Set(next.map(\.content))
    let added = after.subtracting(before).count
    let removed = before.subtracting(after).count
    return added + removed == 0 ? nil : "rules: \(added) added, \(removed) removed"
  }
}

extension Configuration {
  /// The caller's `--network none`, which no file says.
  fileprivate var hasNoNetworkByOption: Bool { network.value == .none && network.location == nil }

  /// Whether a launch gives a jail IPv6 whatever the host has.
  var wantsIPv6: Bool {
    ipv6.value == .auto && rules.contains { $0.prefix.family == .ipv6 && $0.action == .allow }
  }
}

extension Rule {
  /// The rule, wherever it stands.
  fileprivate struct Content: Hashable {
    let prefix: Prefix
    let services: Services
    let action: Action
  }
  fileprivate var content: Content { Content(prefix: prefix, services: services, action: action) }
}
