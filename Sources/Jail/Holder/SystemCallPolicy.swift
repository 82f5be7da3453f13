import Linux

/// The system calls that the command shall not have: each is a way round the walls, or a large part of the
/// kernel that no tool of a developer needs. Everything else is allowed; nested user namespaces, mounts,
/// ptrace and seccomp are what sandboxes and debuggers are made of.
enum SystemCallPolicy {
  /// Unix, IPv4, IPv6, netlink. Others reach what no network namespace holds (VSOCK: the hypervisor), or are
  /// attack surface.
  private static let families: Set<UInt32> = [1, 2, 10, 16]
  /// ROUTE, SOCK_DIAG, KOBJECT_UEVENT, GENERIC.
  private static let netlinkProtocols: Set<UInt32> = [0, 4, 15, 16]
  private static let netlink: UInt32 = 16

  /// Type into the caller's terminal, in every encoding of the request; TIOCLINUX can paste.
  private static let terminalRequests: [UInt32] = [0x5412, 0x541c]

  /// As if the kernel did not have them: programs fall back. io_uring opens sockets past this filter;
  /// request_key(2) runs a program as root in the initial namespaces.
  private static let missing = [
    "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
    "userfaultfd",
    "lookup_dcookie", "nfsservctl",
  ]

  /// An administrator's business, whatever namespace one is root in.
  private static let forbidden = [
    "bpf", "perf_event_open", "open_by_handle_at", "kexec_load", "kexec_file_load", "init_module",
    "finit_module",
    "delete_module", "reboot", "swapon", "swapoff", "acct", "settimeofday", "clock_settime", "iopl", "ioperm",
    "quotactl",
    "quotactl_fd", "syslog", "uselib", "vhangup",
  ]

  /// Applies to this process and all that it will start. The last step of the seal: some of the steps before
  /// it would be refused.
  static func install() throws {
    let filter = try SystemCallFilter.make()
    for family in 0..<64 as Range<UInt32> where !families.contains(family) {
      for call in ["socket", "socketpair"] {
        try filter.refuse(call, with: Errno.EAFNOSUPPORT, when: [.argument(0, is: family)])
      }
    }
    for netlinkProtocol in 0..<32 as Range<UInt32> where !netlinkProtocols.contains(netlinkProtocol) {
      try filter.refuse(
        "socket", with: Errno.EPROTONOSUPPORT,
        when: [.argument(0, is: netlink), .argument(2, is: netlinkProtocol)])
    }
    for request in terminalRequests {
      try filter.refuse("ioctl", with: Errno.EPERM, when: [.argument(1, is: request)])
    }
    // Setting the limits of another process, which could be the supervisor; its own are set as those of 0.
    try filter.refuse("prlimit64", with: Errno.EPERM, when: [.argumentIsNotZero(0), .argumentIsNotZero(2)])
    for call in missing { try filter.refuse(call, with: Errno.ENOSYS) }
    for call in forbidden { try filter.refuse(call, with: Errno.EPERM) }
    try filter.load()
  }
}
