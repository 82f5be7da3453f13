import Linux

/// Finds in the file system what the table names, and covers it.
///
/// The command runs as the owner of most of what is looked at, and may exchange it at any moment, while who covers it has
/// capabilities in the jail. So each thing is looked at through one descriptor, which no exchange changes, and covered
/// through the same one; and nothing but Unix sockets and directories is ever covered.
extension Masks {
  /// What is covered now: directories with an empty one, sockets with /dev/null. Exposed sockets are put back. Everything
  /// that can be covered is, before an error is thrown. `whole` are directories to cover for the sockets that may be in
  /// them.
  @discardableResult
  func install(whole: Set<[UInt8]> = []) throws -> [String] {
    for mask in table where mask.isMade { FileStatus.makePrivateDirectory(mask.path) }
    let kept = keptSockets()
    var cover = try Cover()
    var paths: [String] = []
    try visit(kept, whole) { place, kind, path in
      try cover.put(over: place, kind)
      paths.append(String(decoding: path, as: UTF8.self))
    }
    for socket in kept { try socket.restore(cover) }
    return paths
  }

  /// Of what is there to be covered, what is not.
  package func uncovered() throws -> [String] {
    let cover = try Cover()
    var paths: [String] = []
    try visit(keptSockets(), []) { place, kind, path in
      if try !cover.isOver(place, kind) { paths.append(String(decoding: path, as: UTF8.self)) }
    }
    return paths
  }

  private func keptSockets() -> [Exposed] { exposed.compactMap { try? Exposed($0) } }

  /// Shows everything that is there to be covered: rows of one path first, since of the others there may be
  /// many.
  private func visit(_ kept: [Exposed], _ whole: Set<[UInt8]>, _ body: @escaping Visitor.Body) throws {
    var visitor = Visitor(user: user, kept: Set(kept.map(\.identity)), whole: whole, body: body)
    for mask in table where mask.prefix == nil && !mask.socketsOnly { visitor.visit(mask.path) }
    for (path, prefixes) in prefixes { visitor.visit(socketsIn: path, beginning: prefixes) }
    for mask in table where mask.socketsOnly { visitor.visit(socketsIn: mask.path, except: mask.except) }
    if let failure = visitor.failure { throw failure }
  }
}

/// Goes through the file system for `Masks`.
private struct Visitor {
  typealias Body = (borrowing FileDescriptor, FileStatus.Kind, [UInt8]) throws -> Void

  let user: UInt32
  /// The exposed sockets.
  let kept: Set<[UInt64]>
  let whole: Set<[UInt8]>
  let body: Body
  /// The first; the others went on.
  private(set) var failure: (any Error)?

  init(user: UInt32, kept: Set<[UInt64]>, whole: Set<[UInt8]>, body: @escaping Body) {
    self.user = user
    self.kept = kept
    self.whole = whole
    self.body = body
  }

  /// A row of one path.
  mutating func visit(_ path: String) {
    attempt { visitor throws in
      let place = try FileDescriptor.refer(to: path, follow: false)
      let bytes = Array(path.utf8)
      guard try FileStatus.of(place).kind == .symbolicLink else { return try visitor.show(place, bytes) }
      // In a directory where anyone writes it is somebody's wish to have something else covered; to uid 0 everything is
      // such a directory.
      guard try FileStatus.of(path.parentDirectory).permissions & 0o002 == 0 else { return }
      let target = try FileDescriptor.refer(to: path, follow: true)
      if try visitor.user != 0 || FileStatus.of(target).kind == .socket { try visitor.show(target, bytes) }
    }
  }

  /// A row of sockets in a directory.
  mutating func visit(socketsIn path: String, except: String?) {
    attempt { visitor throws in
      let directory = try FileDescriptor.refer(to: path, follow: true)
      try visitor.visit(directory, Array(path.utf8), [[]], except: except, ownOnly: false, levels: 1)
    }
  }

  /// The rows of sockets whose names, or whose directories' names, begin with one of the prefixes. Other users may make
  /// any number of directories there; what they serve in them is not in the power of this one.
  mutating func visit(socketsIn path: String, beginning prefixes: [[UInt8]]) {
    attempt { visitor throws in
      let directory = try FileDescriptor.refer(to: path, follow: true)
      try visitor.visit(directory, Array(path.utf8), prefixes, except: nil, ownOnly: true, levels: 2)
    }
  }

  private mutating func visit(
    _ directory: borrowing FileDescriptor, _ path: [UInt8], _ prefixes: [[UInt8]], except: String?,
    ownOnly: Bool, levels: Int
  ) throws {
    if whole.contains(path) { return try show(directory, path) }
    for name in try FileStatus.names(in: directory, beginning: prefixes, of: [.socket, .directory]) {
      if let except, name.elementsEqual(except.utf8) { continue }
      let below = path + [UInt8(ascii: "/")] + name
      do {
        let place = try directory.refer(toEntry: name)
        let status = try FileStatus.of(place)
        if status.kind == .socket {
          try show(place, below)
        } else if status.kind == .directory, levels > 0, !ownOnly || status.owner == user {
          try visit(place, below, [[]], except: nil, ownOnly: false, levels: levels - 1)
        }
      } catch {
        note(error)
      }
    }
  }

  private mutating func show(_ place: borrowing FileDescriptor, _ path: [UInt8]) throws {
    let status = try FileStatus.of(place)
    guard status.kind == .socket || status.kind == .directory, !kept.contains(status.identity) else { return }
    try body(place, status.kind, path)
  }

  /// What fails does not keep the rest from being looked at.
  private mutating func attempt(_ look: (inout Visitor) throws -> Void) {
    do { try look(&self) } catch { note(error) }
  }

  private mutating func note(_ error: any Error) {
    if (error as? SystemCallError)?.isAbsence != true { failure = failure ?? error }
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

/// A socket that was found before the covers. Its path has no symbolic link, or the command could say which socket
/// is exposed; /var/run is the system's own.
private final class Exposed {
  let identity: [UInt64]
  private let path: String
  private let place: FileDescriptor

  init(_ path: String) throws {
    let system = "/var/run/"
    let isLink = (try? FileStatus.ofLink("/var/run"))?.kind == .symbolicLink
    self.path = path.hasPrefix(system) && isLink ? "/run/" + path.dropFirst(system.count) : path
    place = try FileDescriptor.refer(toWithoutLinks: self.path)
    let status = try FileStatus.of(place)
    guard status.kind == .socket else { throw SystemCallError("openat2", path, errno: Errno.EINVAL) }
    identity = status.identity
  }

  /// Where its directory is covered. There everything is the command's to arrange, so each step is taken from the
  /// descriptor of the one before.
  func restore(_ cover: Cover) throws {
    var names = path.split(separator: "/").map { Array($0.utf8) }
    guard let last = names.popLast() else { return }
    var directory = try FileDescriptor.refer(to: "/", follow: false)
    for name in names {
      do throws(SystemCallError) {
        directory = try directory.refer(toEntry: name)
      } catch {
        guard error.errno == Errno.ENOENT, try cover.isOver(directory, .directory) else { throw error }
        try directory.makeDirectory(String(decoding: name, as: UTF8.self))
        directory = try directory.refer(toEntry: name)
      }
    }
    guard try cover.isOver(directory, .directory) else { return }
    let name = String(decoding: last, as: UTF8.self)
    if (try? directory.refer(toEntry: last)) == nil {
      _ = try directory.open(at: name, FileDescriptor.createNew, mode: 0o600)
    }
    let file = try directory.refer(toEntry: last)
    // The socket, if it was put back before.
    guard try FileStatus.of(file).kind == .regular else { return }
    try Mounts.attach(try Mounts.clone(place), over: file)
  }
}
