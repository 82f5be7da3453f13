/// A set of TCP or UDP ports, as sorted ranges that neither overlap nor touch.
public struct PortSet: Hashable, Sendable {
  /// The ranges in ascending order.
  public private(set) var ranges: [ClosedRange<UInt16>]

  /// No port.
  public static let none = PortSet([])
  /// Every port.
  public static let all = PortSet([0...UInt16.max])

  /// The ports of all ranges; they may overlap and come in any order.
  public init(_ ranges: some Sequence<ClosedRange<UInt16>>) {
    self.ranges = []
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = self.ranges.last, Int(range.lowerBound) <= Int(last.upperBound) + 1 {
        self.ranges[self.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        self.ranges.append(range)
      }
    }
  }

  /// One port.
  public init(_ port: UInt16) {
    ranges = [port...port]
  }

  /// Whether the set holds no port.
  public var isEmpty: Bool { ranges.isEmpty }

  /// Whether the port is in the set.
  public func contains(_ port: UInt16) -> Bool {
    ranges.contains { $0.contains(port) }
  }

  /// The ports in either set.
  public func union(_ other: PortSet) -> PortSet {
    if other.isEmpty || self == other { return self }
    return isEmpty ? other : PortSet(ranges + other.ranges)
  }

  /// The ports in this set that are not in the other.
  public func subtracting(_ other: PortSet) -> PortSet {
    if isEmpty || other.isEmpty { return self }
    var remaining: [ClosedRange<UInt16>] = []
    var holes = other.ranges[...]
    for range in ranges {
      var low = Int(range.lowerBound)
      let high = Int(range.upperBound)
      while let hole = holes.first, Int(hole.lowerBound) <= high {
        if Int(hole.lowerBound) > low {
          remaining.append(UInt16(low)...UInt16(Int(hole.lowerBound) - 1))
        }
        low = max(low, Int(hole.upperBound) + 1)
        // A hole that reaches past this range may cut the next one too.
        if Int(hole.upperBound) > high { break }
        holes = holes.dropFirst()
      }
      if low <= high { remaining.append(UInt16(low)...UInt16(high)) }
    }
    return PortSet(remaining)
  }
}

extension PortSet: CustomStringConvertible {
  /// The ports as the configuration spells them: `80,443,8000-8999`.
  public var description: String {
    ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}
