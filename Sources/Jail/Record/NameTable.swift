import Linux
import Policy
import Record

/// The names that the jail has asked for, and which addresses it was told for them. Bounded: what comes when it is full is counted.
struct NameTable {
  static let mostNames = 1000
  static let mostAddresses = 1000
  /// Of a name its end is kept, which says whose it is. An ordinary name has 255 bytes at most; escaped, one can have 1016.
  private static let longest = 255
  /// How long queries are counted before a line tells them.
  private static let patience = Duration.seconds(60)

  private struct Count {
    var total = 0
    var untold = 0
  }

  private var counts: [String: Count] = [:]
  /// Of names that are not in the table.
  private var untoldOthers = 0
  /// All queries.
  private(set) var total = 0
  private(set) var deadline: Instant?
  private var names: [IPAddress: String] = [:]
  /// The addresses in the order in which they came, and where the next one goes.
  private var addresses: [IPAddress] = []
  private var next = 0

  /// How many different names were asked for, at least.
  var nameCount: Int { counts.count }

  private static func cut(_ name: String) -> String {
    name.utf8.count <= longest ? name : "..." + name.suffix(longest)
  }

  mutating func count(_ name: String, now: Instant) {
    let name = Self.cut(name)
    total += 1
    deadline = deadline ?? now + Self.patience
    if counts[name] == nil, counts.count >= Self.mostNames {
      untoldOthers += 1
    } else {
      counts[name, default: Count()].total += 1
      counts[name, default: Count()].untold += 1
    }
  }

  /// The names whose queries no line tells yet, and how many queries there were for others. They count as told.
  mutating func takeUntold() -> (names: [RecordLine.Asked], others: Int) {
    var asked: [RecordLine.Asked] = []
    for (name, count) in counts where count.untold > 0 {
      asked.append(RecordLine.Asked(name: name, count: count.untold))
      counts[name]?.untold = 0
    }
    defer { (untoldOthers, deadline) = (0, nil) }
    return (asked.sorted { $0.name < $1.name }, untoldOthers)
  }

  /// The jail was told that these are addresses of this name. The oldest are forgotten.
  mutating func learn(_ name: String, _ found: [IPAddress]) {
    let name = Self.cut(name)
    for address in found {
      if names.updateValue(name, forKey: address) != nil { continue }
      if addresses.count < Self.mostAddresses {
        addresses.append(address)
      } else {
        names[addresses[next]] = nil
        addresses[next] = address
        next = (next + 1) % Self.mostAddresses
      }
    }
  }

  /// The name that the jail was told this address for.
  func name(of address: IPAddress) -> String? { names[address] }
}
