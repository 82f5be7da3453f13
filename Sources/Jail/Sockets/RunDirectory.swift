import Linux

/// /run is the jail's own.
///
/// Daemons put their sockets there, known ones and unknown ones, and a new one whenever they start. So nothing of it is covered:
/// an empty file system takes its place, and only what programs *read* there is put in. What is not put in does not exist in the
/// jail, whenever it is made and whatever namespace or descriptor somebody inside keeps: a name in the host's /run has no path
/// from here.
package enum RunDirectory {
  /// /run, and /var/run where that is not a link to it.
  package static let paths = ["/run", "/var/run"]

  /// Directories that hold files for programs to read. Sockets that somebody put there are covered (`SocketList`).
  private static let kept: [(path: String, reason: String)] = [
    ("lock", "lock files of devices and programs, which count on both sides"),
    ("log/journal", "the journal, where it is not on disk"),
    ("mount", "libmount: the options of mounts"),
    ("secrets", "what a container's engine gives it to read"),
    ("udev/data", "libudev: what is known of a device"),
    ("udev/tags", "libudev: the devices of a kind"),
  ]

  /// Directories that programs expect, with the permissions that they insist on.
  private static func made(_ user: UInt32) -> [(path: String, mode: UInt32)] {
    // Where /dev/shm is a link, this is where it leads.
    let memory = (try? FileStatus.ofLink("/dev/shm"))?.kind == .symbolicLink ? [("shm", UInt32(0o1777))] : []
    return [("lock", 0o1777), ("screen", 0o1777), ("user", 0o755), ("user/\(user)", 0o700)] + memory
  }

  /// Takes the place of /run. `files` are paths of files to be covered there, which need something to be mounted on.
  static func replace(_ mounts: [MountEntry], files: [String], _ covers: inout Covers) throws {
    for path in paths {
      switch try unlessAbsent({ () throws(SystemCallError) in try FileStatus.ofLink(path) })?.kind {
      case .directory: try replace(path, mounts, files, &covers)
      case .symbolicLink: covers.add(name: path)
      default: break
      }
    }
    // The same file systems by other names; /run/user/UID is one of its own.
    let names = paths.map { Array($0.utf8) }
    // Not those of every mount below: a container that has the host's root there has its /tmp from there, too.
    let users = names.map { $0 + Array("/user".utf8) }
    let hidden = mounts.filter { mount in
      ["tmpfs", "ramfs"].contains(mount.type)
        && (names.contains(mount.path) || users.contains(where: mount.isBelow))
    }
    let devices = Set(hidden.map(\.device))
    for mount in mounts where devices.contains(mount.device) {
      // What /run is in stays, or nothing would be left.
      let isAbove = names.contains { $0.isBelow(mount.path) }
      guard !isAbove, !names.contains(where: mount.isAtOrBelow), let place = try mount.place() else {
        continue
      }
      let kind = try FileStatus.of(place).kind
      if kind == .directory || kind == .socket { try covers.cover(place, kind, named: mount.path) }
    }
  }

  private static func replace(
    _ path: String, _ mounts: [MountEntry], _ files: [String], _ covers: inout Covers
  ) throws {
    let old = try FileDescriptor.refer(to: path, follow: false)
    let links = try symbolicLinks(in: old)
    let regular = try names(in: old, of: .regular)
    let parts = try directories(of: old) + disks(mounts, below: Array(path.utf8), old)
    let size =
      mounts.last { $0.path.elementsEqual(path.utf8) && $0.type == "tmpfs" } == nil
      ? "50%" : "\(try Mounts.size(of: path))"
    try covers.put(try Mounts.tmpfs(mode: "0755", size: size), over: old, named: Array(path.utf8))

    let new = try FileDescriptor.refer(to: path, follow: false)
    for link in links { try new.makeLink(link.name, to: link.target) }
    // One after the other: of files there may be more than descriptors.
    for name in regular { if let part = try regularFile(name, of: old) { try part.put(into: new) } }
    for part in parts { try part.put(into: new) }
    for (below, mode) in made(Process.userID) { try new.makeDirectory(Array(below.utf8), mode: mode) }
    for file in files where Array(file.utf8).isBelow(Array(path.utf8)) {
      let names = components(file.dropFirst(path.count))
      let directory = try new.makeDirectories(names.dropLast())
      guard let name = names.last else { continue }
      if (try? directory.refer(toWithoutLinks: name)) == nil { try directory.makeFile(name) }
    }
  }

  /// Something of outside that is put in.
  private final class Part {
    let path: [[UInt8]]
    let isDirectory: Bool
    let mount: FileDescriptor

    init(_ path: [[UInt8]], isDirectory: Bool, _ mount: consuming FileDescriptor) {
      self.path = path
      self.isDirectory = isDirectory
      self.mount = mount
    }

    func put(into new: borrowing FileDescriptor) throws {
      let directory = try new.makeDirectories(path.dropLast())
      guard let name = path.last else { return }
      if isDirectory {
        try directory.makeDirectory(name, mode: 0o755)
      } else {
        try directory.makeFile(name)
      }
      try Mounts.attach(mount, over: try directory.refer(toWithoutLinks: name))
    }
  }

  /// None where the user may not read /run.
  private static func names(
    in directory: borrowing FileDescriptor, of kind: FileStatus.Kind
  ) throws(SystemCallError) -> [[UInt8]] {
    do throws(SystemCallError) {
      return try FileStatus.names(in: directory, of: [kind])
    } catch {
      if error.errno == Errno.EACCES { return [] }
      throw error
    }
  }

  private static func symbolicLinks(
    in directory: borrowing FileDescriptor
  ) throws -> [(name: [UInt8], target: [UInt8])] {
    try names(in: directory, of: .symbolicLink).compactMap { name in
      (try? directory.target(ofLink: name)).map { (name, $0) }
    }
  }

  /// A regular file of the top level: utmp, .containerenv, what says that a reboot is required.
  private static func regularFile(
    _ name: [UInt8], of directory: borrowing FileDescriptor
  ) throws -> Part? {
    guard let file = try? directory.refer(toWithoutLinks: name), try FileStatus.of(file).kind == .regular
    else { return nil }
    return Part([name], isDirectory: false, try Mounts.clone(file))
  }

  private static func directories(of directory: borrowing FileDescriptor) throws -> [Part] {
    var parts: [Part] = []
    for (path, _) in kept {
      guard let place = try? directory.refer(toWithoutLinks: Array(path.utf8)),
        try FileStatus.of(place).kind == .directory
      else { continue }
      parts.append(Part(components(path), isDirectory: true, try Mounts.clone(place)))
    }
    return parts
  }

  /// Disks that are mounted below, such as the user's in /run/media, and single files that a container's engine has mounted. A
  /// directory that was mounted out of another file system is none: containers share sockets that way.
  private static func disks(
    _ mounts: [MountEntry], below path: [UInt8], _ directory: borrowing FileDescriptor
  ) throws -> [Part] {
    var parts: [Part] = []
    for mount in mounts where mount.isBelow(path) && mount.isOnDisk {
      let below = components(mount.path.dropFirst(path.count))
      let isInPart = parts.contains { below.starts(with: $0.path) }
      // What the user could not reach outside, it must not reach through new directories.
      guard !isInPart, let place = try? FileDescriptor.refer(toWithoutLinks: mount.path) else { continue }
      let isWhole = !mounts.contains { $0.isBelow(mount.path) && !$0.isOnDisk }
      // One whose server has gone does not answer.
      switch try unlessAbsent({ () throws(SystemCallError) in try FileStatus.of(place) })?.kind {
      case .directory where mount.isRoot && isWhole:
        parts.append(Part(below, isDirectory: true, try Mounts.clone(place)))
      case .regular where below.count > 1:
        parts.append(Part(below, isDirectory: false, try Mounts.clone(place)))
      default: break
      }
    }
    return parts
  }

  private static func components(_ path: some StringProtocol) -> [[UInt8]] {
    components(Array(path.utf8)[...])
  }
  private static func components(_ path: ArraySlice<UInt8>) -> [[UInt8]] {
    path.split(separator: UInt8(ascii: "/")).map(Array.init)
  }
}

extension MountEntry {
  fileprivate func isAtOrBelow(_ directory: [UInt8]) -> Bool { path == directory || isBelow(directory) }

  /// Whether it is on a block device, or on a file system that has a device of its own instead.
  fileprivate var isOnDisk: Bool {
    !device.hasPrefix("0:")
      || ["bcachefs", "btrfs", "virtiofs", "zfs"].contains(type)
  }

  /// Whether it shows a whole file system, or a subvolume.
  fileprivate var isRoot: Bool {
    root == Array("/".utf8) || type == "btrfs" && !root.dropFirst().contains(UInt8(ascii: "/"))
  }
}
