import Linux
import Netlink
import Policy

/// What the walls depend on outside the jail: the host's network, and its resolv.conf. Says when it has changed.
struct HostWatch: ~Copyable {
  private var network: RoutingEvents
  private let files: FileEvents
  /// A change comes as a burst of notifications, and is read when this time has passed since the first of them. Milliseconds.
  private static let settling = 50
  /// When it is time to read. The first time is at once: what changed since the launch read the host's network was not seen.
  private(set) var deadline: Int? = 0

  init() throws {
    let network = try RoutingEvents()
    let files = try FileEvents(directories: ResolverFile.directories)
    self.network = network
    self.files = files
  }

  var interests: [Interest] { [.readable(network.descriptor), .readable(files.descriptor.rawValue)] }

  /// Whether it is time to read everything anew.
  mutating func hasChanged(ready: Set<CInt>, now: Int) throws -> Bool {
    if ready.contains(network.descriptor) {
      try network.drain()
      deadline = deadline ?? now + Self.settling
    }
    if ready.contains(files.descriptor.rawValue) {
      try files.drain()
      deadline = deadline ?? now + Self.settling
    }
    guard let due = deadline, due <= now else { return false }
    deadline = nil
    return true
  }
}
