internal import CLinux
internal import Glibc

/// Landlock (landlock(7)): what a process and all that it starts may do to processes outside.
public enum Landlock {
  /// The first ABI with scopes: Linux 6.12.
  private static let scopes = 6
  /// The first ABI that looks at Unix sockets with a path: Linux 7.1.
  private static let unixSockets = 9

  /// The kernel's ABI, asked once; nil when it has no Landlock, or it is switched off.
  public static let abi: Int? = {
    let version = clinux_landlock_abi()
    return version > 0 ? Int(version) : nil
  }()

  public static var hasScopes: Bool { (abi ?? 0) >= scopes }
  public static var hasUnixSockets: Bool { (abi ?? 0) >= unixSockets }

  /// What a domain will be, until this process enters it.
  public struct Ruleset: ~Copyable {
    private let descriptor: FileDescriptor

    /// No signal and no connection to an abstract Unix socket leaves the domain. With `ownSockets`, neither does one
    /// to a Unix socket with a path (LANDLOCK_ACCESS_FS_RESOLVE_UNIX): sockets that are made in the domain stay
    /// usable. EINVAL before Linux 7.1.
    ///
    /// Whoever handles any file access forbids mount(2) to the whole domain, and denies renaming between directories
    /// (LANDLOCK_ACCESS_FS_REFER) unless that is handled, too, and allowed.
    public init(ownSockets: Bool) throws(SystemCallError) {
      let files = ownSockets ? CLINUX_LANDLOCK_REFER | CLINUX_LANDLOCK_RESOLVE_UNIX : 0
      let ruleset = FileDescriptor(
        owning: try check("landlock_create_ruleset") { clinux_landlock_ruleset(UInt64(files)) })
      if ownSockets {
        try Self.allow(
          CLINUX_LANDLOCK_REFER, at: try FileDescriptor.refer(to: "/", follow: false), in: ruleset)
      }
      descriptor = ruleset
    }

    /// Leaves one socket usable that was made outside. The rule holds for the socket's inode, by whatever path.
    public func allowConnecting(to socket: borrowing FileDescriptor) throws(SystemCallError) {
      try Self.allow(CLINUX_LANDLOCK_RESOLVE_UNIX, at: socket, in: descriptor)
    }

    private static func allow(
      _ access: Int, at path: borrowing FileDescriptor, in ruleset: borrowing FileDescriptor
    ) throws(SystemCallError) {
      try check("landlock_add_rule") {
        clinux_landlock_allow(ruleset.rawValue, UInt64(access), path.rawValue)
      }
    }

    /// Moves this process, and all that it will start, into the domain for good. Needs no_new_privs.
    public consuming func enter() throws(SystemCallError) {
      try check("landlock_restrict_self") { clinux_landlock_restrict(descriptor.rawValue) }
    }
  }
}
