import Linux
import Policy

/// The system calls that the command must not have: each is a way round the walls, or a large part of the
/// kernel that no tool of a developer needs. Everything else is allowed; nested user namespaces, mounts,
/// ptrace and seccomp are what sandboxes and debuggers are made of.
enum SystemCallPolicy {
  /// Unix, IPv4, IPv6, netlink. Others reach what no network namespace holds (VSOCK: the hypervisor), or are
  /// attack surface.
  private static let families: Set<UInt32> = [1, 2, 10, 16]
  /// ROUTE, SOCK_DIAG, KOBJECT_UEVENT, GENERIC.
  private static let netlinkProtocols: Set<UInt32> = [0, 4, 15, 16]
  private static let netlink: UInt32 = 16

  /// TIOCSTI types into the caller's terminal, TIOCLINUX can paste; TIOCSETD loads a line discipline, which other
  /// programs of the terminal then have.
  private static let terminalRequests: Set<UInt32> = [0x5412, 0x541c, 0x5423]

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

  /// How fast, where and in which order a process runs. On itself and on others of its user a process may use
  /// them; on ours they would be a way to starve what keeps the walls true. The first argument is the process.
  private static let scheduling = [
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler",
  ]
  /// The same for a process, a process group or all of a user, as the first argument says: setpriority(2) and
  /// ioprio_set(2) number these differently.
  private static let priorities: [(call: String, process: UInt32, group: UInt32, user: UInt32)] = [
    ("setpriority", 0, 1, 2), ("ioprio_set", 1, 2, 3),
  ]

  /// Applies to this process and all that it will start. The last step of the seal: some of the steps before
  /// it would be refused.
  static func install(protecting own: OwnProcesses) throws {
    try SystemCallFilter.load(FilterInstruction.list(program(protecting: own).instructions))
  }

  static func program(protecting own: OwnProcesses) throws(SystemCallError) -> SystemCallProgram {
    var rules: [SystemCallProgram.Rule] = []
    func refuse(
      _ call: String, with errno: CInt, when conditions: [SystemCallProgram.Condition] = []
    ) throws(SystemCallError) {
      // There is nothing to refuse where the architecture does not have the call.
      guard let number = try SystemCallFilter.number(of: call) else { return }
      rules.append(.init(number, errno: UInt32(errno), when: conditions))
    }
    for call in ["socket", "socketpair"] {
      try refuse(call, with: Errno.EAFNOSUPPORT, when: [.argument(0, isNoneOf: families)])
    }
    try refuse(
      "socket", with: Errno.EPROTONOSUPPORT,
      when: [.argument(0, isOneOf: [netlink]), .argument(2, isNoneOf: netlinkProtocols)])
    try refuse("ioctl", with: Errno.EPERM, when: [.argument(1, isOneOf: terminalRequests)])
    // Setting the limits of another process, which could be the supervisor; its own are set as those of 0.
    try refuse("prlimit64", with: Errno.EPERM, when: [.argument(0, isNoneOf: [0]), .argumentIsNotZero(2)])
    for call in scheduling { try refuse(call, with: Errno.EPERM, when: [.argument(0, isOneOf: own.ids)]) }
    for (call, process, group, user) in priorities {
      try refuse(
        call, with: Errno.EPERM, when: [.argument(0, isOneOf: [process]), .argument(1, isOneOf: own.ids)])
      try refuse(
        call, with: Errno.EPERM, when: [.argument(0, isOneOf: [group]), .argument(1, isOneOf: own.groups)])
      try refuse(call, with: Errno.EPERM, when: [.argument(0, isOneOf: [user])])
    }
    for call in missing { try refuse(call, with: Errno.ENOSYS) }
    for call in forbidden { try refuse(call, with: Errno.EPERM) }
    return SystemCallProgram(
      architecture: SystemCallFilter.architecture, foreignBit: SystemCallFilter.foreignBit,
      missing: UInt32(Errno.ENOSYS), rules: rules)
  }
}
