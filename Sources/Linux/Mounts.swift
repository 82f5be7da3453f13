internal import CLinux
internal import Glibc

/// Mounts of this process's own mount namespace (mount_namespaces(7)).
public enum Mounts {
  /// Cuts every mount off from its peers: nothing that is mounted outside later covers what is mounted here
  /// (MS_PRIVATE).
  public static func makePrivate() throws(SystemCallError) {
    try check("mount", "MS_PRIVATE /") {
      // SAFETY: NUL-terminated copies; mount(2) ignores source, type and data here.
      unsafe mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil)
    }
  }

  /// Ignores set-user-ID bits and file capabilities on every mount (mount_setattr(2), Linux 5.12).
  public static func makeNosuid() throws(SystemCallError) {
    try setAttributes(UInt64(CLINUX_MOUNT_ATTR_NOSUID), at: "/", recursive: true)
  }

  /// Mounts an empty file system of its own (tmpfs(5)) over a directory. `mode` is the root's, e.g. "0700".
  public static func tmpfs(over directory: String, mode: String) throws(SystemCallError) {
    try attach(try tmpfs(mode: mode), at: directory)
  }

  /// An empty file system that is mounted nowhere yet. `size` is in bytes, or with a suffix as in tmpfs(5).
  public static func tmpfs(mode: String, size: String = "16m") throws(SystemCallError) -> FileDescriptor {
    try fileSystem("tmpfs", options: [("source", tmpfsSource), ("mode", mode), ("size", size)])
  }

  /// A file system that is mounted nowhere yet (fsopen(2), fsmount(2), Linux 5.2).
  public static func fileSystem(
    _ type: String, options: [(key: String, value: String)] = []
  ) throws(SystemCallError) -> FileDescriptor {
    let context = FileDescriptor(owning: try check("fsopen", type) { unsafe clinux_fsopen(type) })
    for (key, value) in options {
      try check("fsconfig", key) {
        // SAFETY: NUL-terminated copies that outlive the call.
        unsafe clinux_fsconfig(context.rawValue, UInt32(CLINUX_FSCONFIG_SET_STRING), key, value)
      }
    }
    try check("fsconfig", type) {
      clinux_fsconfig(context.rawValue, UInt32(CLINUX_FSCONFIG_CMD_CREATE), nil, nil)
    }
    return FileDescriptor(owning: try check("fsmount", type) { clinux_fsmount(context.rawValue, 0) })
  }

  /// What the tables of mounts call our own file systems.
  public static let tmpfsSource = "claude-sandbox"

  /// The size of the file system that a path is in, in bytes (statvfs(3)).
  public static func size(of path: String) throws(SystemCallError) -> UInt {
    var status = statvfs()
    // SAFETY: the kernel writes one structure.
    try check("statvfs", path) { unsafe statvfs(path, &status) }
    return status.f_blocks * status.f_frsize
  }

  /// The ID of the mount that an open file is in (statx(2), STATX_MNT_ID, Linux 5.8).
  public static func id(of file: borrowing FileDescriptor) throws(SystemCallError) -> Int {
    Int(try check("statx") { clinux_mount_id(file.rawValue) })
  }

  /// Attaches a mount over the file or directory that a descriptor refers to, whatever its name leads to by now.
  public static func attach(
    _ mounted: borrowing FileDescriptor, over target: borrowing FileDescriptor
  ) throws(SystemCallError) {
    try check("move_mount") { clinux_move_mount_onto(mounted.rawValue, target.rawValue) }
  }

  /// A copy of a file's or directory's mount, and of those below, that is attached nowhere yet (open_tree(2),
  /// OPEN_TREE_CLONE).
  public static func clone(_ path: String) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(owning: try check("open_tree", path) { unsafe clinux_open_tree_clone(AT_FDCWD, path) })
  }

  /// The same of what a descriptor refers to.
  public static func clone(_ file: borrowing FileDescriptor) throws(SystemCallError) -> FileDescriptor {
    FileDescriptor(owning: try check("open_tree") { clinux_open_tree_clone_of(file.rawValue) })
  }

  /// Attaches a mount over an existing file or directory; symbolic links at the end are followed
  /// (move_mount(2)).
  public static func attach(
    _ mounted: borrowing FileDescriptor, at path: String
  ) throws(SystemCallError) {
    // move_mount follows no link at the end unless told to, so it is resolved first.
    let target = try FileStatus.resolve(path)
    try check("move_mount", path) { unsafe clinux_move_mount(mounted.rawValue, AT_FDCWD, target) }
  }

  /// Puts a copy of one file's mount over another file.
  public static func bind(_ source: String, over target: String) throws(SystemCallError) {
    try attach(try clone(source), at: target)
  }

  /// Makes one mount read-only, and ignores set-user-ID bits there.
  public static func makeReadOnly(_ path: String) throws(SystemCallError) {
    try setAttributes(
      UInt64(CLINUX_MOUNT_ATTR_RDONLY | CLINUX_MOUNT_ATTR_NOSUID), at: path, recursive: false)
  }

  /// Mounts a file or directory over itself, read-only, with all that is mounted below.
  public static func freeze(_ path: String) throws(SystemCallError) {
    try bind(path, over: path)
    try setAttributes(UInt64(CLINUX_MOUNT_ATTR_RDONLY), at: path, recursive: true)
  }

  public static let terminals = "/dev/pts"

  /// Mounts terminals of this mount namespace's own over /dev/pts: those of others are not there (devpts,
  /// Linux 4.7).
  public static func newTerminals() throws(SystemCallError) {
    try check("mount", "devpts") {
      // SAFETY: NUL-terminated copies that outlive the call.
      unsafe mount(
        "devpts", terminals, "devpts", UInt(MS_NOSUID | MS_NOEXEC), "newinstance,ptmxmode=0666,mode=0620")
    }
  }

  /// Takes the topmost mount off a directory (umount2(2), MNT_DETACH).
  public static func detach(_ path: String) throws(SystemCallError) {
    try check("umount2", path) { unsafe umount2(path, CInt(MNT_DETACH)) }
  }

  private static func setAttributes(
    _ attributes: UInt64, at path: String, recursive: Bool
  ) throws(SystemCallError) {
    var change = clinux_mount_attr(attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0)
    try check("mount_setattr", path) {
      // SAFETY: the shim passes the structure with its own size.
      unsafe clinux_mount_setattr(AT_FDCWD, path, recursive ? UInt32(AT_RECURSIVE) : 0, &change)
    }
  }

}
