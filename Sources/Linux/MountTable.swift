/// One mount of this process's mount namespace (/proc/self/mountinfo, proc(5)).
public struct MountEntry: Sendable {
  public let id: Int
  /// The ID of the mount that it is mounted on.
  public let parent: Int
  /// Major and minor number of its file system, e.g. `0:27`.
  public let device: String
  /// The directory or file of its file system that is its root.
  public let root: [UInt8]
  /// Where it is mounted, as bytes of a path.
  public let path: [UInt8]
  /// The type of its file system, e.g. `ext4` or `fuse.sshfs`.
  public let type: String
  /// What was mounted: a device, as a rule, or any text.
  public let source: String

  /// Whether this mount is strictly below a directory.
  public func isBelow(_ directory: [UInt8]) -> Bool { path.isBelow(directory) }

  /// What its path leads to; nil where that is not this mount, which another one hides, or the user may not go there.
  public func place() throws(SystemCallError) -> FileDescriptor? {
    let found = try unlessAbsent { () throws(SystemCallError) in
      try FileDescriptor.refer(toPath: path, follow: false)
    }
    guard let place = found, try Mounts.id(of: place) == id else { return nil }
    return place
  }
}

public enum MountTable {
  /// All mounts; one that is mounted on another comes after it.
  public static func read() throws(SystemCallError) -> [MountEntry] {
    let table = try FileDescriptor.contents(of: "/proc/self/mountinfo", limit: 64 << 20)
    return table.split(separator: UInt8(ascii: "\n")).compactMap(entry)
  }

  /// nil for a line of another form.
  static func entry(_ line: ArraySlice<UInt8>) -> MountEntry? {
    // ID, parent, device, root, mount point, options, optional fields, "-", type, source, options.
    let fields = line.split(separator: UInt8(ascii: " "))
    func text(_ index: Int) -> String { String(decoding: fields[index], as: UTF8.self) }
    guard fields.count > 6, let dash = fields.dropFirst(6).firstIndex(of: [UInt8(ascii: "-")]),
      dash + 2 < fields.count, let id = Int(text(0)), let parent = Int(text(1))
    else { return nil }
    return MountEntry(
      id: id, parent: parent, device: text(2), root: unescaped(fields[3]), path: unescaped(fields[4]),
      type: text(dash + 1), source: text(dash + 2))
  }

  /// Blanks, tabs, line ends and backslashes are written as a backslash and three octal digits.
  private static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
    guard field.contains(UInt8(ascii: "\\")) else { return Array(field) }
    var bytes: [UInt8] = []
    var rest = field
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      if byte == UInt8(ascii: "\\"), digits.count == 3,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }
}

extension [UInt8] {
  /// Whether this path is strictly below a directory.
  public func isBelow(_ directory: [UInt8]) -> Bool {
    let directory = directory == [UInt8(ascii: "/")] ? [] : directory
    return count > directory.count && starts(with: directory) && self[directory.count] == UInt8(ascii: "/")
  }
}
