/// What a running jail makes of new files: it takes over what it can, and keeps the rest as it was launched.
public struct ConfigurationChange: Sendable, Equatable {
  /// What holds for the jail from then on.
  public let configuration: Configuration
  /// The keys whose values in the files are others, or need what the jail has not, in the order of the manual page.
  public let waiting: [String]
  /// How many rules came and went; nil if none did.
  public let summary: String?

  /// What the jail has that only a launch gives, and that rules may need.
  public struct Means: Sendable {
    let hasUplink: Bool
    let hasIPv6: Bool
    let hasGateway: Bool

    /// Everything.
    public static let all = Means(hasUplink: true, hasIPv6: true, hasGateway: true)

    init(hasUplink: Bool, hasIPv6: Bool, hasGateway: Bool) {
      (self.hasUplink, self.hasIPv6, self.hasGateway) = (hasUplink, hasIPv6, hasGateway)
    }

    /// Whether the rules of a key can do nothing in such a jail.
    func lack(_ key: String, for configuration: Configuration) -> Bool {
      switch key {
      case RuleForm(.allow, isPrefix: false).key, RuleForm(.allow, isPrefix: true).key: !hasUplink
      case "ipv6": hasUplink && !hasIPv6 && configuration.wantsIPv6
      case DomainForm.allowInternal.key: !hasGateway
      default: false
      }
    }
  }

  /// With `mayWiden` false the jail takes over only what closes: no new rule that allows, and no loss of one that blocks. What needs
  /// other means than those of the jail waits.
  public init(from current: Configuration, to new: Configuration, mayWiden: Bool, means: Means = .all) {
    var next = current
    next.rules = mayWiden ? new.rules : narrowed(current.rules, new.rules, Content.init)
    next.domains =
      mayWiden
      ? new.domains
      : narrowed(current.domains, new.domains) { DomainContent($0, current.yieldingFile ?? new.yieldingFile) }
    next.presets =
      mayWiden ? new.presets : new.presets.filter { current.presets.map(\.value).contains($0.value) }
    next.hostPorts = mayWiden ? new.hostPorts : kept(current.hostPorts, new.hostPorts)
    next.publications = mayWiden ? new.publications : kept(current.publications, new.publications)
    next.yieldingFile = current.yieldingFile ?? new.yieldingFile
    next.ignored = new.ignored
    // An uplink can be taken away, and not given.
    if new.network.value == .none, current.network.value != .none { next.network = new.network }
    configuration = next
    waiting = ConfigurationKey.all.filter { key in
      if key.name == "network", next.hasNetworkByOption { return false }
      if next.network.value != .none, !key.entries(new).isEmpty, means.lack(key.name, for: new) {
        return true
      }
      return !key.isForeign && values(of: key, in: next) != values(of: key, in: new)
    }.map(\.name)
    summary = Self.summary(from: current, to: next)
  }

  private static func summary(from current: Configuration, to next: Configuration) -> String? {
    let before = current.contents
    let after = next.contents
    let added = after.subtracting(before).count
    let removed = before.subtracting(after).count
    return added + removed == 0 ? nil : "rules: \(added) added, \(removed) removed"
  }
}

/// To remove what allows, and to add what blocks, can only close: whatever else matches, the answer for a flow or a name changes from
/// "allowed" to "blocked" or not at all. So this opens nothing that either of the two keeps closed.
private func narrowed<R: ActingRule, C: Hashable>(_ current: [R], _ new: [R], _ content: (R) -> C) -> [R] {
  let before = Set(current.map(content))
  let after = Set(new.map(content))
  return new.filter { $0.action == .block || before.contains(content($0)) }
    + current.filter { $0.action == .block && !after.contains(content($0)) }
}

/// The lines whose loss closes, and of which a new one opens.
private func kept<Value: Hashable>(_ current: [Sourced<Value>], _ new: [Sourced<Value>]) -> [Sourced<Value>] {
  let before = Set(current.map(\.value))
  return new.filter { before.contains($0.value) }
}

// The rules of a preset are what its line says.
private func values(of key: ConfigurationKey, in configuration: Configuration) -> Set<String> {
  var configuration = configuration
  configuration.domains.removeAll { $0.preset != nil }
  return Set(key.entries(configuration).map(\.value))
}

extension Configuration {
  /// The caller's `--network`, which no file says.
  fileprivate var hasNetworkByOption: Bool { network.value != .internet && network.location == nil }

  /// Whether a launch gives a jail IPv6 whatever the host has.
  var wantsIPv6: Bool {
    ipv6.value == .auto && rules.contains { $0.prefix.family == .ipv6 && $0.action == .allow }
  }

  fileprivate var contents: Set<AnyContent> {
    Set(rules.map { .address(Content($0)) })
      .union(domains.map { .name(DomainContent($0, yieldingFile)) })
      .union(hostPorts.map { .hostPorts($0.value) })
      .union(publications.map { .publication($0.value) })
  }
}

private protocol ActingRule {
  var action: Action { get }
}
extension Rule: ActingRule {}
extension DomainRule: ActingRule {}

private enum AnyContent: Hashable {
  case address(Content)
  case name(DomainContent)
  case hostPorts(HostPorts)
  case publication(Publication)
}

/// A rule, wherever it stands.
private struct Content: Hashable {
  let prefix: Prefix
  let services: Services
  let action: Action

  init(_ rule: Rule) { (prefix, services, action) = (rule.prefix, rule.services, rule.action) }
}

/// A rule about names, wherever it stands, except that it matters whether it yields.
private struct DomainContent: Hashable {
  let pattern: DomainPattern
  let ports: PortSet
  let action: Action
  let isInternal: Bool
  let yields: Bool

  init(_ rule: DomainRule, _ yieldingFile: String?) {
    (pattern, ports, action, isInternal) = (rule.pattern, rule.ports, rule.action, rule.isInternal)
    yields = rule.yields(yieldingFile)
  }
}
