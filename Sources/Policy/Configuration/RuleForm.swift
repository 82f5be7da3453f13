/// A key that opens or closes destinations: what it does, and to what.
struct RuleForm: Sendable {
  let action: Action
  /// Whether its value is a prefix; otherwise it is an address.
  let isPrefix: Bool

  init(_ action: Action, isPrefix: Bool) {
    self.action = action
    self.isPrefix = isPrefix
  }

  var key: String { name(isPrefix: isPrefix) }
  /// The key with the same action for the other kind of value.
  var sibling: String { name(isPrefix: !isPrefix) }
  var noun: String { isPrefix ? "prefix" : "address" }

  /// The value of a rule as the file spells it.
  func text(_ rule: Rule) -> String {
    let destination = isPrefix ? "\(rule.prefix)" : "\(rule.prefix.address)"
    if rule.services == .all { return destination }
    return (rule.prefix.family == .ipv6 ? "[\(destination)]" : destination) + ":\(rule.services)"
  }

  private func name(isPrefix: Bool) -> String {
    (action == .allow ? "allow" : "block") + (isPrefix ? "-net" : "-ip")
  }
}
