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
    /// Cover anew what must not be seen.
    var files = false
  }

  private var network: RoutingEvents
  private var files: FileEvents
  private let masks: Masks
  private let resolverPaths: [String]
  /// A change comes as a burst of notifications, and is read when this time has passed since the first of
  /// them. Milliseconds.
  private static let settling = 50
  /// When it is time to read. The first time is at once: what changed since the launch read the host's
  /// network was not seen.
  private(set) var deadline: Int? = 0

  init(_ masks: Masks) throws {
    let network = try RoutingEvents()
    files = try Self.fileEvents(masks)
    self.network = network
    self.masks = masks
    resolverPaths = ResolverFile.paths
  }

  /// Those in all that a jail depends on.
  static func fileEvents(_ masks: Masks) throws -> FileEvents {
    var files = try FileEvents()
    try files.follow(ResolverFile.paths.map(\.parentDirectory))
    try follow(masks, with: &files)
    return files
  }

  /// Until there is nothing new: what is made in a directory before it is followed is found by looking again.
  private static func follow(_ masks: Masks, with files: inout FileEvents) throws {
    var count: Int
    repeat {
      count = files.count
      try files.follow(masks.directories())
    } while files.count > count
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
      if paths.contains("") || !paths.isDisjoint(with: resolverPaths) {
        deadline = deadline ?? now + Self.settling
        change.files = true
      }
      if paths.contains(where: masks.concern) { change.files = true }
      // Before they are covered: what is made in a directory that has just appeared is found there, or told.
      if change.files { try Self.follow(masks, with: &files) }
    }
    if let due = deadline, due <= now {
      deadline = nil
      change.network = true
    }
    return change
  }
}
