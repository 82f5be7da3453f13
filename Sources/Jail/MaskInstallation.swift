import Linux

/// Finds in the file system what the table names, and covers it.
///
/// The command runs as the owner of most of what is looked at, and may exchange it at any moment, while who covers it has
/// capabilities in the jail. So each thing is looked at through one descriptor, which no exchange changes, and covered
/// through the same one; and nothing but Unix sockets and directories is ever covered.
extension Masks {
  /// What is covered now: directories with an empty one, sockets with /dev/null. Exposed sockets are put back. Everything
  /// that can be covered is, before an error is thrown.
  @discardableResult
  func install() throws -> [String] {
    for mask in table where mask.isMade { FileStatus.makePrivateDirectory(mask.path) }
    let kept = exposed.compactMap { try? Exposed($0) }
    var cover = try Cover()
    var paths: [String] = []
    try visit { place, kind, path in
      try cover.put(over: place, kind)
      paths.append(path)
    }
    for socket in kept { try socket.restore() }
    return paths
  }

  /// Of what is there to be covered, what is not.
  func uncovered() throws -> [String] {
    let cover = try Cover()
    var paths: [String] = []
    try visit { place, kind, path in
      if try !cover.isOver(place, kind) { paths.append(path) }
    }
    return paths
  }

  /// Shows everything that is there to be covered: rows of one path first, since of the others there may be
  /// many.
  private func visit(_ body: @escaping Visitor.Body) throws {
    var visitor = Visitor(user: user, kept: Set(exposed.compactMap { try? FileStatus.of($0).identity }), body)
    for mask in table where !mask.isPattern { visitor.visit(mask.path) }
    for mask in table where mask.isPattern { visitor.visit(mask) }
    if let failure = visitor.failure { throw failure }
  }
}

/// Goes through the file system for `Masks`.
private struct Visitor {
  typealias Body = (borrowing FileDescriptor, FileStatus.Kind, String) throws -> Void

  let user: UInt32
  /// The exposed sockets.
  let kept: Set<[UInt64]>
  let body: Body
  /// The first; the others went on.
  private(set) var failure: (any Error)?

  init(user: UInt32, kept: Set<[UInt64]>, _ body: @escaping Body) {
    self.user = user
    self.kept = kept
    self.body = body
  }

  /// A row of one path.
  mutating func visit(_ path: String) {
    attempt { visitor throws in
      let place = try FileDescriptor.refer(to: path, follow: false)
      guard try FileStatus.of(place).kind == .symbolicLink else { return try visitor.show(place, path) }
      // In a directory where anyone writes it is somebody's wish to have something else covered; to uid 0 everything is
      // such a directory.
      guard try FileStatus.of(path.parentDirectory).permissions & 0o002 == 0 else { return }
      let target = try FileDescriptor.refer(to: path, follow: true)
      if try visitor.user != 0 || FileStatus.of(target).kind == .socket { try visitor.show(target, path) }
    }
  }

  /// A row of many.
  mutating func visit(_ mask: Masks.Mask) {
    attempt { visitor throws in
      let directory = try FileDescriptor.refer(to: mask.path, follow: true)
      guard let prefix = mask.prefix else {
        return try visitor.showSockets(in: directory, mask.path, except: mask.except, levels: 1)
      }
      for name in try FileStatus.names(in: directory) where name.starts(with: prefix.utf8) {
        let path = "\(mask.path)/\(String(decoding: name, as: UTF8.self))"
        visitor.attempt { visitor throws in
          let place = try directory.refer(toEntry: name)
          if !mask.socketsOnly {
            try visitor.show(place, path)
          } else if try FileStatus.of(place).kind == .directory {
            try visitor.showSockets(in: place, path, except: nil, levels: 1)
          }
        }
      }
    }
  }

  private mutating func showSockets(
    in directory: borrowing FileDescriptor, _ path: String, except: String?, levels: Int
  ) throws {
    for name in try FileStatus.names(in: directory) {
      if let except, name.elementsEqual(except.utf8) { continue }
      let below = "\(path)/\(String(decoding: name, as: UTF8.self))"
      do {
        let place = try directory.refer(toEntry: name)
        switch try FileStatus.of(place).kind {
        case .socket: try show(place, below)
        case .directory: if levels > 0 { try showSockets(in: place, below, except: nil, levels: levels - 1) }
        default: continue
        }
      } catch {
        note(error)
      }
    }
  }

  private mutating func show(_ place: borrowing FileDescriptor, _ path: String) throws {
    let status = try FileStatus.of(place)
    guard status.kind == .socket || status.kind == .directory, !kept.contains(status.identity) else { return }
    try body(place, status.kind, path)
  }

  /// What fails does not keep the rest from being looked at.
  private mutating func attempt(_ look: (inout Visitor) throws -> Void) {
    do { try look(&self) } catch { note(error) }
  }

  private mutating func note(_ error: any Error) {
    do { try unlessGone(error) } catch { failure = failure ?? error }
  }

  /// What is not there, has gone, cannot be entered, or leads in a circle, needs no cover.
  private func unlessGone(_ error: any Error) throws {
    let gone = [Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES, Errno.ELOOP, Errno.ENAMETOOLONG]
    guard let error = error as? SystemCallError, gone.contains(error.errno) else { throw error }
  }
}

/// What things are covered with.
private struct Cover {
  /// The IDs of their mounts.
  private var own: Set<Int>

  init() throws { own = try Mounts.ownIDs() }

  func isOver(_ place: borrowing FileDescriptor, _ kind: FileStatus.Kind) throws -> Bool {
    // A socket that is seen is not covered.
    try kind == .directory && own.contains(Mounts.id(of: place))
  }

  /// Once, also by another name.
  mutating func put(over place: borrowing FileDescriptor, _ kind: FileStatus.Kind) throws {
    if try isOver(place, kind) { return }
    if kind == .directory {
      let empty = try Mounts.tmpfs(mode: "0700")
      try Mounts.attach(empty, over: place)
      own.insert(try Mounts.id(of: empty))
      return
    }
    let null = try Mounts.clone("/dev/null")
    guard try FileStatus.of(null).kind == .characterDevice else {
      throw SystemCallError("open_tree", "/dev/null", errno: Errno.EINVAL)
    }
    try Mounts.attach(null, over: place)
  }
}

/// A socket that was taken aside before the covers.
private final class Exposed {
  private let path: String
  private let mount: FileDescriptor

  init(_ path: String) throws {
    self.path = path
    mount = try Mounts.clone(path)
  }

  /// Unless it is there: its directory was not covered, or it was put back before.
  func restore() throws {
    if (try? FileStatus.of(path))?.kind == .socket { return }
    try FileStatus.makeFile(path)
    try Mounts.attach(mount, at: path)
  }
}
