import Linux
import Netlink

/// What the walls depend on outside the jail: the host's network and its resolv.conf(5). Says that something has changed.
struct HostWatch: ~Copyable {
  private var network: RoutingEvents
  private var resolverFile = ResolverFile.version
  /// A change comes as a burst of notifications, and is read when this time has passed since the first of
  /// them. Milliseconds.
  private static let settling = 50
  /// When it is time to read. The first time is at once: what changed since the launch read the host's
  /// network was not seen.
  private(set) var deadline: Int? = 0

  init() throws { network = try RoutingEvents() }

  var interest: Interest { .readable(network.descriptor) }

  /// Whether the host's network and name servers are to be read anew. The network says so by itself; the file of the name servers
  /// is looked at when somebody asks for a name, which is when it matters.
  mutating func hasChanged(ready: Set<CInt>, isAsked: Bool, now: Int) throws -> Bool {
    if ready.contains(network.descriptor) {
      try network.drain()
      deadline = deadline ?? now + Self.settling
    }
    if isAsked {
      let version = ResolverFile.version
      if version != resolverFile { deadline = now }
      resolverFile = version
    }
    guard let due = deadline, due <= now else { return false }
    deadline = nil
    return true
  }
}
