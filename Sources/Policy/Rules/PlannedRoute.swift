/// A route of the jail.
public struct PlannedRoute: Hashable, Sendable {
  /// Where a route leads.
  public enum Kind: Hashable, Sendable {
    /// Nowhere: everything in the prefix is refused.
    case blackhole
    /// To the uplink's gateway: at least one service of the prefix is open, and the filter tells which.
    case uplink
  }

  /// The destination.
  public let prefix: Prefix
  /// Where it leads.
  public let kind: Kind
}
