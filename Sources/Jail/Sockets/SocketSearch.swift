package import Linux

/// Finds in the file system what the list names.
///
/// A command of an earlier jail may have arranged all that is looked at, and may exchange it at any moment. So each thing is looked
/// at through one descriptor, which no exchange changes, and shown by the same one; links below a home or /tmp are not followed;
/// and nothing is entered that another machine serves, since looking there may wait for ever or make something act outside.
package struct SocketSearch {
  /// A socket to cover, or a directory to cover as a whole.
  package typealias Body = (borrowing FileDescriptor, FileStatus.Kind, [UInt8]) throws -> Void

  /// More entries than this below a directory of a home, and the directory is covered as a whole.
  private static let most = 1024

  private let list: SocketList
  /// Where file systems are mounted that another machine, or a process of the user, serves.
  private let remote: Set<[UInt8]>
  private let body: Body
  /// The first; the others went on.
  private var failure: (any Error)?

  private init(_ list: SocketList, _ mounts: [MountEntry], _ body: @escaping Body) {
    self.list = list
    self.body = body
    remote = Set(mounts.filter(\.isRemote).map(\.path))
  }

  /// Shows everything that is there. What fails does not keep the rest from being shown; the first failure is thrown then.
  package static func visit(_ list: SocketList, _ mounts: [MountEntry], _ body: @escaping Body) throws {
    var search = SocketSearch(list, mounts, body)
    for row in list.rows where row.prefix == nil { search.attempt { search throws in try search.visit(row) } }
    let prefixed = list.rows.filter { $0.prefix != nil }
    for path in Set(prefixed.map(\.path)) {
      let prefixes = prefixed.filter { $0.path == path }.compactMap(\.prefix).map { Array($0.utf8) }
      search.attempt { search throws in try search.visit(path, prefixes) }
    }
    if let failure = search.failure { throw failure }
  }

  private mutating func visit(_ row: SocketList.Row) throws {
    guard let home = row.home else {
      // Nobody on this machine listens in what another one serves.
      let way = Array(row.path.utf8)
      if remote.contains(where: { way == $0 || way.isBelow($0) }) { return }
      let place = try open(row)
      let path = Array(row.path.utf8)
      return row.socketsOnly ? try search(place, path, row, levels: 1) : try show(place, path)
    }
    // The way to the home is the administrator's.
    var place = try FileDescriptor.refer(to: home, follow: true)
    var path = Array(try FileStatus.target(ofLink: "/proc/self/fd/\(place.rawValue)").utf8)
    for name in row.path.split(separator: "/") {
      path += Array("/\(name)".utf8)
      guard let next = try enter(place, Array(name.utf8), path) else { return }
      place = next
    }
    if row.socketsOnly { try search(place, path, row, levels: 1) } else { try show(place, path) }
  }

  /// Links on the way to a place of the system are the administrator's, but in /tmp anyone's, and to uid 0 every place is one
  /// that it may have arranged.
  private func open(_ row: SocketList.Row) throws(SystemCallError) -> FileDescriptor {
    row.isResolved || row.path.hasPrefix("/tmp/") || list.user == 0
      ? try FileDescriptor.refer(toWithoutLinks: row.path.utf8)
      : try FileDescriptor.refer(to: row.path, follow: true)
  }

  /// An entry of a directory; nil when it is covered as a whole, since another machine serves it.
  private func enter(
    _ directory: borrowing FileDescriptor, _ name: [UInt8], _ path: [UInt8]
  ) throws -> FileDescriptor? {
    do throws(SystemCallError) {
      return try directory.refer(toWithoutLinks: name, crossing: false)
    } catch {
      guard error.errno == Errno.EXDEV else { throw error }
    }
    let place = try directory.refer(toWithoutLinks: name, crossing: true)
    guard remote.contains(path) else { return place }
    try body(place, .directory, path)
    return nil
  }

  /// The sockets in a directory, and in its directories.
  private mutating func search(
    _ directory: borrowing FileDescriptor, _ path: [UInt8], _ row: SocketList.Row?, levels: Int
  ) throws {
    let names: [[UInt8]]
    do throws(SystemCallError) {
      names = try FileStatus.names(in: directory, of: [.socket, .directory], atMost: Self.most + 1)
    } catch {
      // The user may make it readable again.
      let isOwn = try FileStatus.of(directory).owner == list.user
      guard error.errno == Errno.EACCES, isOwn else { throw error }
      return try show(directory, path)
    }
    if names.count > Self.most { return try show(directory, path) }
    for name in names where row?.except.map({ !name.elementsEqual($0.utf8) }) ?? true {
      attempt { search throws in try search.visit(name, directory, path, levels) }
    }
  }

  private mutating func visit(
    _ name: [UInt8], _ directory: borrowing FileDescriptor, _ path: [UInt8], _ levels: Int
  ) throws {
    let below = path + [UInt8(ascii: "/")] + name
    guard let place = try enter(directory, name, below) else { return }
    switch try FileStatus.of(place).kind {
    case .socket: try show(place, below)
    case .directory: if levels > 0 { try search(place, below, nil, levels: levels - 1) }
    default: break
    }
  }

  /// The sockets in a directory whose names begin so, and those in the user's own directories whose names do. Other users may make
  /// any number of directories there; what they serve in them is not in the power of this one.
  private mutating func visit(_ path: String, _ prefixes: [[UInt8]]) throws {
    let directory = try FileDescriptor.refer(to: path, follow: true)
    for name in try FileStatus.names(in: directory, beginning: prefixes, of: [.socket, .directory]) {
      attempt { search throws in
        let below = Array("\(path)/".utf8) + name
        guard let place = try search.enter(directory, name, below) else { return }
        let status = try FileStatus.of(place)
        if status.kind == .socket {
          try search.show(place, below)
        } else if status.kind == .directory, status.owner == search.list.user {
          try search.search(place, below, nil, levels: 1)
        }
      }
    }
  }

  private func show(_ place: borrowing FileDescriptor, _ path: [UInt8]) throws {
    let kind = try FileStatus.of(place).kind
    if kind == .socket || kind == .directory { try body(place, kind, path) }
  }

  private mutating func attempt(_ look: (inout SocketSearch) throws -> Void) {
    do {
      try look(&self)
    } catch {
      if (error as? SystemCallError)?.isAbsence != true { failure = failure ?? error }
    }
  }
}

extension MountEntry {
  /// Whether another machine, or a process, serves this file system.
  fileprivate var isRemote: Bool {
    type.hasPrefix("fuse") || type.hasPrefix("nfs")
      || ["9p", "afs", "autofs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "smb3"].contains(
        type)
  }
}
