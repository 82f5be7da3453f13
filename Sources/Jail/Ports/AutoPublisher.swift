import Linux
import Netlink
import Policy

/// `publish = auto`: finds out on which TCP ports the jail listens. The kernel has no event for that, so it is asked again and again:
/// often while something changes, seldom while nothing does.
struct AutoPublisher: ~Copyable {
  private var outside: SocketDiagnosis
  /// The host's numbers that it uses, or has used since this began: whoever had one, and comes back, finds no server of the jail there.
  private(set) var usedOutside: Set<UInt16> = []
  private var former: Set<UInt16> = []
  private var told: Set<PublishedPort> = []
  private var interval = Self.shortest
  private(set) var next: Instant

  /// Whoever listens on one port after another does not write on the terminal for ever.
  private static let mostTold = 256

  private static let shortest = Duration.milliseconds(250)
  private static let longest = Duration.seconds(2)
  /// Ports below belong to services of the machine.
  static let lowest: UInt16 = 1024

  init(now: Instant) throws(SystemCallError) {
    outside = SocketDiagnosis(
      owning: FileDescriptor(owning: try NetlinkDescriptor(.socketDiagnosis).release()))
    next = now
  }

  /// The ports of the jail that are to be reached now; nil if the kernel does not tell. `listening` are those that somebody listens on,
  /// `own` the host's on which doors listen.
  mutating func look(_ listening: Set<UInt16>?, own: Set<UInt16>, now: Instant) -> Set<UInt16>? {
    // Of many listeners the kernel tells for a long time, in which nothing else is done.
    let cost = max(0, Instant.now.milliseconds(since: now))
    next = now + .milliseconds(cost) + max(interval, .milliseconds(20 * cost))
    guard let found = listening?.filter({ $0 >= Self.lowest }), let used = try? outside.listeners() else {
      return nil
    }
    usedOutside.formUnion(Set(used.map(\.port)).subtracting(own))
    interval = found == former ? min(interval + interval, Self.longest) : Self.shortest
    former = found
    return found
  }

  /// Whether nothing was said of it yet.
  mutating func isNews(_ port: PublishedPort) -> Bool {
    told.count < Self.mostTold && told.insert(port).inserted
  }
}
