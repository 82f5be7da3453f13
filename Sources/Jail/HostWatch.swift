import Linux
import Netlink
import Policy

/// What the walls depend on outside the jail: the host's network, its resolv.conf, and the sockets that are
/// masked. Says what has changed.
struct HostWatch: ~Copyable {
  /// What there is to do.
  struct Change {
    /// Read the host's network and name servers anew.
    var network = false
    /// Follow and cover anew what must not be seen.
    var files = false
  }

  private var network: RoutingEvents
  private var files: FileEvents
  private let masks: Masks
  private let resolverPaths: Set<[UInt8]>
  private let resolverDirectories: [[UInt8]]
  /// Where links to what is masked lead.
  private var targets: [[UInt8]] = []
  /// A change comes as a burst of notifications, and is read when this time has passed since the first of
  /// them. Milliseconds.
  private static let settling = 50
  /// When it is time to read. The first time is at once: what changed since the launch read the host's
  /// network was not seen.
  private(set) var deadline: Int? = 0

  /// Follows everything, or fails.
  static func begin(_ masks: Masks) throws -> HostWatch {
    var watch = try HostWatch(masks)
    if let reason = try watch.followFiles().reason { throw reason }
    return watch
  }

  private init(_ masks: Masks) throws {
    let network = try RoutingEvents()
    let files = try FileEvents()
    self.network = network
    self.files = files
    self.masks = masks
    resolverPaths = Set(ResolverFile.paths.map { Array($0.utf8) })
    resolverDirectories = ResolverFile.paths.map { Array($0.parentDirectory.utf8) }
  }

  /// Follows the directories that there are now.
  mutating func followFiles() throws(SystemCallError) -> Masks.Pass {
    files.beginPass()
    for directory in resolverDirectories { try files.follow(directory) }
    let pass = try masks.follow(with: &files)
    files.endPass()
    targets = pass.targets
    return pass
  }

  /// Ends, and gives up the descriptor that watches files.
  consuming func releaseFiles() -> CInt { files.release() }

  var interests: [Interest] { [.readable(network.descriptor), .readable(files.descriptor.rawValue)] }

  /// What has changed. A socket that must not be seen is told at once, all else when it has settled.
  mutating func changes(ready: Set<CInt>, now: Int) throws -> Change {
    var change = Change()
    if ready.contains(network.descriptor) {
      try network.drain()
      deadline = deadline ?? now + Self.settling
    }
    if ready.contains(files.descriptor.rawValue) {
      let paths = try files.take()
      if paths.contains([]) || !paths.isDisjoint(with: resolverPaths) {
        deadline = deadline ?? now + Self.settling
        change.files = true
      }
      if paths.contains(where: { masks.concern($0, targets) }) { change.files = true }
    }
    if let due = deadline, due <= now {
      deadline = nil
      change.network = true
    }
    return change
  }
}
