import Linux

/// Finds in the file system what the table names, and covers it.
extension Masks {
  /// The directories in which what is to be masked may appear.
  var directories: [String] {
    var names = Names()
    return table.flatMap { mask in
      guard mask.prefix != nil || mask.socketsOnly else { return mask.path.ancestors }
      let places = mask.socketsOnly ? (try? places(of: mask, &names)) ?? [] : []
      return [mask.path] + mask.path.ancestors + places
        + places.flatMap { (try? entries(of: $0, .directory, &names)) ?? [] }
    }
  }

  /// Whether a path that appeared in one of them may be one to mask, or a directory on the way to it.
  func concern(_ path: String) -> Bool {
    table.contains { mask in
      if path == mask.path || mask.path.hasPrefix(path + "/") { return true }
      guard path.hasPrefix(mask.path + "/") else { return false }
      let rest = path.dropFirst(mask.path.count + 1)
      guard mask.prefix.map({ rest.hasPrefix($0) }) ?? mask.socketsOnly else { return false }
      return !mask.socketsOnly || [.socket, .directory].contains((try? FileStatus.ofLink(path))?.kind)
    }
  }

  /// Of what is there to be masked, what is not.
  func uncovered() throws -> [String] {
    let covered = try Mounts.ownPoints()
    return try present().filter { path in
      !covered.contains(path) && (try? FileStatus.of(path))?.kind != .characterDevice
    }
  }

  /// Covers each directory with an empty one and anything else with /dev/null, unless it is covered, and puts
  /// the exposed sockets back. What is covered now.
  @discardableResult
  func install() throws -> [String] {
    for mask in table where mask.isMade { FileStatus.makePrivateDirectory(mask.path) }
    let kept = exposed.compactMap { try? Exposed($0) }
    let covered = try Mounts.ownPoints()
    let paths = try present()
    for path in paths {
      guard let status = try? FileStatus.of(path) else { continue }
      switch status.kind {
      case .directory: if !covered.contains(path) { try Mounts.tmpfs(over: path, mode: "0700") }
      case .characterDevice: continue
      default: try Mounts.bind("/dev/null", over: path)
      }
    }
    for socket in kept { try socket.restore() }
    return paths
  }

  /// The paths that are there to be masked, each once.
  private func present() throws -> [String] {
    var names = Names()
    var paths: [String] = []
    var found: Set<String> = []
    for mask in table {
      var candidates = try places(of: mask, &names)
      if mask.socketsOnly { candidates = try candidates.flatMap { try sockets(in: $0, &names) } }
      for candidate in candidates {
        guard let path = try unlessGone({ () throws(SystemCallError) in try target(of: candidate) }) ?? nil,
          !exposed.contains(path), found.insert(path).inserted
        else { continue }
        paths.append(path)
      }
    }
    return paths
  }

  /// What a row names: its path, or what begins with its prefix; for sockets the directories among that.
  private func places(of mask: Mask, _ names: inout Names) throws -> [String] {
    guard let prefix = mask.prefix else { return [mask.path] }
    // A link is somebody's wish to have the sockets of another directory masked.
    if mask.socketsOnly { return try entries(of: mask.path, .directory, &names, prefix) }
    return try names.of(mask.path).filter { $0.hasPrefix(prefix) }.map { "\(mask.path)/\($0)" }
  }

  private func sockets(in directory: String, _ names: inout Names) throws -> [String] {
    let own = try entries(of: directory, .socket, &names)
    return try entries(of: directory, .directory, &names).reduce(into: own) { found, below in
      found += try entries(of: below, .socket, &names)
    }
  }

  /// The entries of one kind, links not followed.
  private func entries(
    of directory: String, _ kind: FileStatus.Kind, _ names: inout Names, _ prefix: String = ""
  ) throws -> [String] {
    try names.of(directory).filter { $0.hasPrefix(prefix) }.map { "\(directory)/\($0)" }.filter { path in
      try unlessGone { () throws(SystemCallError) in try FileStatus.ofLink(path) }?.kind == kind
    }
  }

  /// What a path names; nil if it is a link in a directory where anyone writes: that is somebody's wish to have
  /// something else masked.
  private func target(of path: String) throws(SystemCallError) -> String? {
    let status = try FileStatus.ofLink(path)
    let isShared = try FileStatus.of(path.parentDirectory).permissions & 0o002 != 0
    return isShared && status.kind == .symbolicLink ? nil : try FileStatus.resolve(path)
  }

  /// Names in directories, of which each is read once: /tmp may hold thousands.
  private struct Names {
    private var known: [String: [String]] = [:]

    mutating func of(_ directory: String) throws -> [String] {
      if let names = known[directory] { return names }
      let names = try unlessGone { () throws(SystemCallError) in try FileStatus.names(in: directory) } ?? []
      known[directory] = names
      return names
    }
  }

  /// A socket that was taken aside before the masks.
  private final class Exposed {
    private let path: String
    private let mount: FileDescriptor

    init(_ path: String) throws {
      self.path = path
      mount = try Mounts.clone(path)
    }

    func restore() throws {
      try FileStatus.makeFile(path)
      try Mounts.attach(mount, at: path)
    }
  }
}

/// What does not exist, or cannot be entered, needs no mask: nil.
private func unlessGone<Result>(_ look: () throws(SystemCallError) -> Result) throws -> Result? {
  do throws(SystemCallError) {
    return try look()
  } catch {
    if [Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES].contains(error.errno) { return nil }
    throw error
  }
}
