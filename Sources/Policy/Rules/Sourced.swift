/// A value together with the place that set it.
public struct Sourced<Value> {
  /// The value.
  public var value: Value
  /// Where it was set; nil for the default.
  public var location: SourceLocation?

  /// A value that was set at a place, or a default.
  public init(_ value: Value, at location: SourceLocation? = nil) {
    self.value = value
    self.location = location
  }
}

extension Sourced: Sendable where Value: Sendable {}
extension Sourced: Equatable where Value: Equatable {}
extension Sourced: Hashable where Value: Hashable {}
