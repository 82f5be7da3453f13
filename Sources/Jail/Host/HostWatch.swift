import Linux
import Netlink

/// What the walls depend on outside the jail: the host's network and its resolv.conf(5). Says that something has changed.
struct HostWatch: ~Copyable, Service {
  /// The kernel has told of a change.
  enum Event { case network }

  private var network: RoutingEvents
  private var resolverFile = ResolverFile.configuration.version
  /// A change comes as a burst of notifications, and is read when this time has passed since the first of
  /// them.
  private static let settling = Duration.milliseconds(50)
  /// When it is time to read. The first time is at once: what changed since the launch read the host's
  /// network was not seen.
  private(set) var deadline: Instant? = .now

  init() throws { network = try RoutingEvents() }

  var interests: [Interest<Event>] { [.readable(network.descriptor, .network)] }

  mutating func handle(_ event: Event?, now: Instant) throws -> [Effect] {
    if event != nil {
      try network.drain()
      deadline = deadline ?? now + Self.settling
    }
    guard let due = deadline, due <= now else { return [] }
    deadline = nil
    return [.hostChanged]
  }

  /// The network says by itself that it has changed; the file of the name servers is looked at when somebody asks for a name,
  /// which is when it matters.
  mutating func nameIsAsked() -> [Effect] {
    let version = ResolverFile.configuration.version
    if version == resolverFile { return [] }
    resolverFile = version
    deadline = nil
    return [.hostChanged]
  }
}
