internal import CLinux

/// What a file is stored in (statfs(2), f_type).
public struct FileSystemKind: Sendable, Hashable {
  private let magic: UInt32

  /// Pipes, and what holds files that somebody wrote: on disks, in memory, in a container's layers, in networks. Every other kind is an
  /// interface of the kernel, or not known.
  private static let holdingFiles: Set<UInt32> = [
    // pipefs
    0x5049_5045,
    // ext, XFS, Btrfs, F2FS, bcachefs, ZFS, ReiserFS, JFS
    0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0xca45_1a4e, 0x2fc1_2fc1, 0x5265_4973, 0x3153_464a,
    // FAT, exFAT, NTFS, ISO 9660, UDF
    0x4d44, 0x2011_bab0, 0x7366_746e, 0x9660, 0x1501_3346,
    // tmpfs (memfd_create(2), too), ramfs, hugetlbfs
    0x0102_1994, 0x8584_58f6, 0x9584_58f6,
    // overlayfs, SquashFS, EROFS, eCryptfs
    0x794c_7630, 0x7371_7368, 0xe0f5_e1e2, 0xf15f,
    // FUSE (virtiofs, too), 9P, VirtualBox
    0x6573_5546, 0x0102_1997, 0x786f_4256,
    // NFS, SMB, Ceph, AFS, GPFS, Lustre
    0x6969, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x5346_414f, 0x4750_4653, 0x0bd0_0bd0,
  ]

  public static func of(_ path: String) throws(SystemCallError) -> FileSystemKind {
    var magic: UInt32 = 0
    // SAFETY: one integer is written.
    try check("statfs", path) { unsafe clinux_file_system(path, &magic) }
    return FileSystemKind(magic: magic)
  }

  public var holdsFiles: Bool { Self.holdingFiles.contains(magic) }
}
