import Linux
import Policy

/// The system calls that the relay is left with. It parses what the jail and its peers send: whoever takes it over can read and write the
/// connections that it has, and do nothing else. It cannot open a file or a socket, connect, execute, or signal; any attempt ends it.
enum RelaySystemCalls {
  /// On descriptors that it has: what they are was decided by whoever passed them.
  private static let onDescriptors = [
    "accept4", "close", "epoll_ctl", "epoll_pwait", "epoll_wait", "getsockname", "read", "recvfrom",
    "shutdown",
  ]
  /// With the supervisor alone: with a message, an unconnected socket of TCP connects (MSG_FASTOPEN), and descriptors go elsewhere.
  private static let withSupervisor = ["recvmsg", "sendmsg"]
  /// MSG_DONTWAIT | MSG_NOSIGNAL, and so not MSG_FASTOPEN.
  private static let sendingFlags: Set<UInt32> = [0x4040]
  /// On itself: the allocator's, the runtime's, and its end.
  private static let onItself = [
    "brk", "clock_gettime", "exit", "exit_group", "futex", "getrandom", "madvise", "mremap", "munmap",
    "restart_syscall", "rt_sigreturn",
  ]
  /// Never executable. PROT_READ | PROT_WRITE.
  private static let onMemory = ["mmap", "mprotect"]
  private static let dataProtection: Set<UInt32> = [0, 1, 2, 3]
  /// SOL_SOCKET: SO_KEEPALIVE, SO_LINGER. IPPROTO_TCP: TCP_NODELAY, TCP_KEEPIDLE.
  private static let options: [(level: UInt32, names: Set<UInt32>)] = [(1, [9, 13]), (6, [1, 4])]

  /// The last step: what comes before it would end the process.
  static func install() throws {
    try SystemCallFilter.load(FilterInstruction.list(program().instructions))
  }

  static func program() throws(SystemCallError) -> SystemCallProgram {
    var rules: [SystemCallProgram.Rule] = []
    func allow(
      _ call: String, when conditions: [SystemCallProgram.Condition] = []
    ) throws(SystemCallError) {
      // One of them, epoll_wait(2), not every architecture has.
      guard let number = try SystemCallFilter.number(of: call) else { return }
      rules.append(.init(allowing: number, when: conditions))
    }
    for call in onDescriptors + onItself { try allow(call) }
    for call in withSupervisor {
      try allow(call, when: [.argument(0, isOneOf: [UInt32(RelayProcess.socketNumber)])])
    }
    try allow("sendto", when: [.argument(3, isOneOf: sendingFlags)])
    for call in onMemory { try allow(call, when: [.argument(2, isOneOf: dataProtection)]) }
    for (level, names) in options {
      try allow("setsockopt", when: [.argument(1, isOneOf: [level]), .argument(2, isOneOf: names)])
    }
    return SystemCallProgram(architecture: SystemCallFilter.architecture, allowing: rules)
  }
}
