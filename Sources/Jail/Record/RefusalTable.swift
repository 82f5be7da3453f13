import Linux
import Policy
import Record

/// What was refused, so far: an entry for each program and destination, or name, so that what is repeated is counted and not told each
/// time. Bounded: a scan makes it full, and then only counts.
struct RefusalTable<Key: Hashable, Refusal> {
  struct Entry {
    /// The first that was refused.
    let refusal: Refusal
    /// All of them.
    var total = 1
    /// Those that no line tells yet.
    var untold = 0
    /// When a line was written last, and how long no further one is.
    fileprivate var told: Instant
    fileprivate var patience = firstPatience
    fileprivate var due: Instant { told + patience }
  }

  static var mostEntries: Int { 512 }

  private(set) var entries: [Key: Entry] = [:]
  /// All that were refused.
  private(set) var total = 0
  /// When `due` has something.
  private(set) var deadline: Instant?

  /// Counts a refusal; false if it is the first of its kind, which a line should tell.
  mutating func count(_ key: Key) -> Bool {
    total += 1
    guard var entry = entries[key] else { return false }
    entry.total += 1
    entry.untold += 1
    if entry.untold == 1 { deadline = min(deadline ?? entry.due, entry.due) }
    entries[key] = entry
    return true
  }

  /// Remembers what a line has told of. When all entries have something to tell, it is not.
  mutating func add(_ key: Key, _ refusal: Refusal, now: Instant) {
    if entries.count >= Self.mostEntries {
      let idle = entries.filter { $0.value.untold == 0 }.min { $0.value.told < $1.value.told }
      guard let idle else { return }
      entries[idle.key] = nil
    }
    entries[key] = Entry(refusal: refusal, told: now)
  }

  /// The entries whose repetitions are to be told by now, or all that have some. They count as told.
  mutating func takeDue(_ now: Instant, all: Bool = false) -> [(entry: Entry, count: Int)] {
    var due: [(Entry, Int)] = []
    deadline = nil
    for (key, entry) in entries where entry.untold > 0 {
      guard all || entry.due <= now else {
        deadline = min(deadline ?? entry.due, entry.due)
        continue
      }
      due.append((entry, entry.untold))
      entries[key]?.untold = 0
      entries[key]?.told = now
      entries[key]?.patience = min(entry.patience + entry.patience, lastPatience)
    }
    return due
  }
}

/// How long repetitions are counted before a line tells them. It doubles each time: whoever asks once a second, for a week, makes some
/// hundred lines of it.
private let firstPatience = Duration.seconds(10)
private let lastPatience = Duration.seconds(640)
