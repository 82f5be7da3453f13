import Linux

/// Where what is to be masked may appear while a jail runs.
extension Masks {
  /// How many directories are followed: the command can make any number.
  private static let most = 4096

  /// There are more than can be followed, here among others.
  struct TooManyDirectories: Error, CustomStringConvertible {
    let place: String

    var description: String { "\(place) has too many directories to follow" }
  }

  /// The directories to follow, those above first: what is made in one of them meanwhile is told.
  func directories() throws(TooManyDirectories) -> [String] {
    var found: [String] = []
    for mask in table {
      found += mask.path.ancestors.reversed()
      guard mask.isPattern else { continue }
      found.append(mask.path)
      if mask.socketsOnly {
        found += directories(in: mask.path, mask.prefix ?? "", thenBelow: mask.prefix != nil)
      }
      if found.count > Self.most { throw TooManyDirectories(place: mask.path) }
    }
    return found
  }

  private func directories(in path: String, _ prefix: String, thenBelow: Bool) -> [String] {
    let names = (try? FileStatus.names(in: path)) ?? []
    let own = names.filter { $0.utf8.starts(with: prefix.utf8) }.map { "\(path)/\($0)" }.filter {
      (try? FileStatus.ofLink($0))?.kind == .directory
    }
    return own + (thenBelow ? own.flatMap { directories(in: $0, "", thenBelow: false) } : [])
  }

  /// Whether a path that appeared in one of them may be one to mask, or a directory on the way to it.
  func concern(_ path: String) -> Bool {
    let path = path.utf8
    return table.contains { mask in
      let own = mask.path.utf8
      if own.starts(with: path) && (own.count == path.count || own.dropFirst(path.count).first == slash) {
        return true
      }
      guard mask.isPattern, path.starts(with: own), path.dropFirst(own.count).first == slash,
        mask.prefix.map({ path.dropFirst(own.count + 1).starts(with: $0.utf8) }) ?? true
      else { return false }
      // A name that is no UTF-8 is not found by it.
      let kind = (try? FileStatus.ofLink(String(path)))?.kind
      return kind != .regular && kind != .symbolicLink
    }
  }
}

private let slash = UInt8(ascii: "/")
