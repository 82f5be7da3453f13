/// What all checks come to; each has an exit status of its own.
public enum Verdict: String, Sendable, CaseIterable {
  /// Every wall holds.
  case holds
  /// Every wall holds, but the internet cannot be reached from the jail.
  case unreachable
  /// Every wall holds, but the guard of Claude Code's settings does not.
  case unguarded
  /// A wall does not hold, or there is none.
  case broken

  /// `guards` are about who may start Claude Code, and no walls.
  public init(_ checks: [Check], guards: [Check] = []) {
    self =
      checks.contains { $0.state == .failed }
      ? .broken
      : guards.contains { $0.state == .failed }
        ? .unguarded : checks.contains { $0.state == .unreachable } ? .unreachable : .holds
  }

  public var exitStatus: Int32 {
    switch self {
    case .holds: 0
    case .broken: 1
    case .unreachable: 2
    case .unguarded: 3
    }
  }
}
