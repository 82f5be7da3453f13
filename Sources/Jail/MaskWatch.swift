import Linux

/// Where what is to be masked may appear while a jail runs.
extension Masks {
  /// How many directories the command may have followed: it can make any number.
  fileprivate static let most = 4096

  /// There are more than can be followed, here among others.
  struct TooManyDirectories: Error, CustomStringConvertible {
    let place: String

    var description: String { "\(place) has too many directories to follow" }
  }

  /// What one pass over the directories has found.
  struct Pass {
    /// Directories that cannot be followed, so that they have to be covered as a whole.
    fileprivate(set) var unfollowed: Set<[UInt8]> = []
    /// Why not, of the first.
    fileprivate(set) var reason: (any Error)?
    /// Where links in the home lead, which may be made anew, too.
    fileprivate(set) var targets: [[UInt8]] = []
    fileprivate var count = 0
  }

  /// Follows the directories in which something to be masked may appear, and those on the way to them. Each is
  /// read after it is followed: what is made in it before that is found, and what is made later is told.
  func follow(with files: inout FileEvents) throws(SystemCallError) -> Pass {
    for way in ways { try files.follow(way) }
    var pass = Pass()
    for (path, prefixes) in prefixes {
      try pass.follow(below: Array(path.utf8), prefixes, owner: user, levels: 2, &files)
    }
    for mask in table where mask.socketsOnly {
      if let target = try? FileStatus.resolve(mask.path), target != mask.path {
        for way in target.ancestors.reversed() { try files.follow(Array(way.utf8)) }
        pass.targets.append(Array(target.utf8))
      }
      pass.follow(Array(mask.path.utf8), &files)
      try pass.follow(below: Array(mask.path.utf8), [[]], owner: nil, levels: 1, &files)
    }
    return pass
  }

  /// Whether a path that appeared in one of them may be one to mask, or a directory on the way to it.
  func concern(_ path: [UInt8], _ targets: [[UInt8]]) -> Bool {
    func leads(to place: [UInt8]) -> Bool {
      place.starts(with: path) && (place.count == path.count || place[path.count] == slash)
    }
    return targets.contains(where: leads)
      || table.contains { mask in
        let own = Array(mask.path.utf8)
        if leads(to: own) { return true }
        guard mask.prefix != nil || mask.socketsOnly, path.starts(with: own), path.count > own.count,
          path[own.count] == slash,
          mask.prefix.map({ path.dropFirst(own.count + 1).starts(with: $0.utf8) }) ?? true
        else { return false }
        do throws(SystemCallError) {
          let kind = try FileStatus.of(try FileDescriptor.refer(toPath: path, follow: false)).kind
          return kind == .socket || kind == .directory
        } catch {
          return !error.isAbsence
        }
      }
  }
}

/// The directories that there are as many of as somebody makes.
extension Masks.Pass {
  fileprivate mutating func follow(_ path: [UInt8], _ files: inout FileEvents) {
    do {
      count += 1
      try files.follow(path)
    } catch {
      cannotFollow(path, error)
    }
  }

  private mutating func cannotFollow(_ path: [UInt8], _ error: any Error) {
    unfollowed.insert(path)
    reason = reason ?? error
  }

  /// With an owner only those of that user: others may make any number of directories in /tmp. Where there are
  /// too many, the directory in which they are cannot be followed.
  fileprivate mutating func follow(
    below path: [UInt8], _ prefixes: [[UInt8]], owner: UInt32?, levels: Int, _ files: inout FileEvents
  ) throws(SystemCallError) {
    do throws(SystemCallError) {
      let directory = try FileDescriptor.refer(toPath: path, follow: true)
      let limit = owner == nil ? Masks.most - count : Int.max - 1
      let names = try FileStatus.names(
        in: directory, beginning: prefixes, of: [.directory], atMost: limit + 1)
      let place = String(decoding: path, as: UTF8.self)
      if names.count > limit { return cannotFollow(path, Masks.TooManyDirectories(place: place)) }
      for name in names {
        let below = path + [slash] + name
        guard try isDirectory(below, owner: owner) else { continue }
        if count >= Masks.most { throw SystemCallError("inotify_add_watch", place, errno: Errno.ENOSPC) }
        follow(below, &files)
        if levels > 1 { try follow(below: below, [[]], owner: nil, levels: levels - 1, &files) }
      }
    } catch {
      if !error.isAbsence { throw error }
    }
  }

  private func isDirectory(_ path: [UInt8], owner: UInt32?) throws(SystemCallError) -> Bool {
    do throws(SystemCallError) {
      let status = try FileStatus.of(try FileDescriptor.refer(toPath: path, follow: false))
      return status.kind == .directory && (owner ?? status.owner) == status.owner
    } catch {
      if !error.isAbsence { throw error }
      return false
    }
  }
}

private let slash = UInt8(ascii: "/")
