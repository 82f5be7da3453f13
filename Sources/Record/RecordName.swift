/// The name of a file of the record: when a launch began, its launcher, a number that nobody foresees, and which of the launch's
/// files it is: `2026-11-21T192840Z-4711-09f3a1c2.1.jsonl`.
public struct RecordName: Hashable, Comparable, Sendable {
  /// All that the files of one launch have in common.
  public let launch: String
  /// From 1. The first one stays; of the others there are the last two.
  public let number: Int

  /// The first file of a launch.
  public init(start: Timestamp, jail: Int32, random: UInt32) {
    let digits = String(random, radix: 16)
    launch = "\(start.compact)-\(jail)-" + String(repeating: "0", count: 8 - digits.count) + digits
    number = 1
  }

  private init(launch: String, number: Int) {
    self.launch = launch
    self.number = number
  }

  /// Nil for a name that is not one of ours.
  public init?(_ name: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[2] == "jsonl", let number = Int(parts[1]), number > 0,
      "\(number)" == parts[1]
    else { return nil }
    let fields = parts[0].split(separator: "-", omittingEmptySubsequences: false).map { Array($0.utf8) }
    guard fields.map(\.count).prefix(3) == [4, 2, 10], fields.count == 5, fields[4].count == 8,
      (1...10).contains(fields[3].count), fields[2][2] == UInt8(ascii: "T"),
      fields[2][9] == UInt8(ascii: "Z"),
      (fields[0] + fields[1] + fields[3] + fields[2][..<2] + fields[2][3..<9]).allSatisfy(Self.isDigit),
      fields[4].allSatisfy({ Self.isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) })
    else { return nil }
    self.init(launch: String(parts[0]), number: number)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  /// Another file of the same launch.
  public func numbered(_ number: Int) -> RecordName { RecordName(launch: launch, number: number) }

  public static func < (one: RecordName, other: RecordName) -> Bool {
    one.launch == other.launch ? one.number < other.number : one.launch < other.launch
  }
}

extension RecordName: CustomStringConvertible {
  public var description: String { "\(launch).\(number).jsonl" }
}
