internal import CLinux
internal import Glibc

/// The kernel's side of a seccomp filter (seccomp(2)): this machine's numbers, and its loading.
public enum SystemCallFilter {
  /// What `seccomp_data.arch` says of the system calls of this architecture (linux/audit.h).
  public static var architecture: UInt32 { clinux_architecture() }

  /// The bit that marks a call of x86-64's other architecture, x32; 0 where there is none.
  public static var foreignBit: UInt32 { clinux_foreign_bit() }

  /// The number of a system call; nil when this architecture does not have it. EINVAL for a name that is not
  /// in the shim's table.
  public static func number(of call: String) throws(SystemCallError) -> UInt32? {
    // SAFETY: a NUL-terminated copy that outlives the call.
    let number = unsafe clinux_call_number(call)
    guard number >= -1 else { throw SystemCallError("seccomp", call, errno: EINVAL) }
    return UInt32(exactly: number)
  }

  /// Puts a program on this process and all that it will start, for good, and reads back that there is one.
  /// Needs no_new_privs; the program has to allow read(2) and close(2). EINVAL when the kernel rejects the program.
  public static func load(_ program: [FilterInstruction]) throws(SystemCallError) {
    // The program may forbid opening it.
    let status = try FileDescriptor.open("/proc/self/status", FileDescriptor.readOnly)
    var instructions = program.map(\.raw)
    try check("seccomp", "SECCOMP_SET_MODE_FILTER") {
      // SAFETY: the kernel copies the array's count of instructions.
      unsafe clinux_seccomp(&instructions, UInt16(program.count))
    }
    guard try ProcessStatus(status.readAll(limit: 1 << 16))["Seccomp"] == "2" else {
      throw SystemCallError("seccomp", "Seccomp", errno: EPERM)
    }
  }
}
