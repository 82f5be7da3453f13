/// One thing that was tried on a jail, and how it went.
public struct Check: Sendable, Codable {
  public enum State: String, Sendable, Codable {
    case ok
    /// This machine cannot do it, or it does not hold for this user; said, and no failure.
    case limited
    case skipped
    /// Not about the jail's walls, but worth knowing.
    case warning
    /// What shall be there beside the walls, and is not: the internet.
    case unreachable
    case failed
  }

  /// Short and stable, for tables and programs.
  public let name: String
  public let state: State
  public let tried: String
  public let expected: String
  public let saw: String

  public init(_ name: String, _ state: State, tried: String, expected: String, saw: String) {
    self.name = name
    self.state = state
    self.tried = tried
    self.expected = expected
    self.saw = saw
  }

  /// Passes when what was seen is what was expected.
  public init(_ name: String, tried: String, expected: String, saw: String) {
    self.init(name, expected == saw ? .ok : .failed, tried: tried, expected: expected, saw: saw)
  }
}
