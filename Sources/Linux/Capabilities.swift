internal import CLibcap
internal import CLinux
internal import Glibc

/// The capabilities of this process (capabilities(7)).
public enum Capabilities {
  /// Gives up every capability for good: bounding and ambient sets, securebits, then the three sets of the
  /// process. Nothing that it executes can have one again. EPERM when CAP_SETPCAP is not there.
  public static func dropAll() throws(SystemCallError) {
    try dropBounding()
    try check("prctl", "PR_CAP_AMBIENT_CLEAR_ALL") {
      clinux_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0)
    }
    // Locked: no root by uid 0, no set-uid fix-up, no ambient set. KEEP_CAPS stays unlocked, since ping(8)
    // sets it.
    try check("prctl", "PR_SET_SECUREBITS") { cap_set_secbits(0xCF) }
    try clearSets()
  }

  /// Gives up every capability of a process that executes nothing any more: its sets and the ambient one, and no_new_privs. Needs no
  /// privilege itself, unlike `dropAll`; reads back what it did.
  public static func renounce() throws(SystemCallError) {
    try setNoNewPrivileges()
    try check("prctl", "PR_CAP_AMBIENT_CLEAR_ALL") {
      clinux_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0)
    }
    try clearSets()
    try verifyEmpty(["CapInh", "CapPrm", "CapEff", "CapAmb"], ProcessStatus.read())
  }

  private static func clearSets() throws(SystemCallError) {
    // SAFETY: cap_init returns an empty set that is freed once.
    guard let none = unsafe cap_init() else { throw SystemCallError("cap_init", errno: errno) }
    defer { unsafe cap_free(UnsafeMutableRawPointer(none)) }
    try check("capset") { unsafe cap_set_proc(none) }
  }

  /// Until the kernel does not know the next one.
  private static func dropBounding() throws(SystemCallError) {
    for capability in (0 as CInt)... {
      do throws(SystemCallError) {
        try check("prctl", "PR_CAPBSET_DROP \(capability)") { cap_drop_bound(capability) }
      } catch {
        if error.errno == EINVAL && capability > 0 { return }
        throw error
      }
    }
  }

  /// Whether this process could map uid 0 into a user namespace of its own: CAP_SETFCAP is effective
  /// (user_namespaces(7), Linux 5.12).
  public static var canMapUserZero: Bool {
    let effective = (try? ProcessStatus.read())?["CapEff"].flatMap { UInt64($0, radix: 16) } ?? 0
    return effective & 1 << 31 != 0
  }

  /// No execve(2) grants a privilege from here on (PR_SET_NO_NEW_PRIVS, Linux 3.5).
  public static func setNoNewPrivileges() throws(SystemCallError) {
    try check("prctl", "PR_SET_NO_NEW_PRIVS") { clinux_prctl(PR_SET_NO_NEW_PRIVS, 1, 0) }
  }

  /// Reads back from the kernel that all five capability sets are empty, that securebits are locked and
  /// no_new_privs is set.
  public static func verifyDropped() throws(SystemCallError) {
    try verifyEmpty(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"], ProcessStatus.read())
    guard cap_get_secbits() == 0xCF else { throw SystemCallError("prctl", "securebits", errno: EPERM) }
  }

  private static func verifyEmpty(_ sets: [String], _ status: ProcessStatus) throws(SystemCallError) {
    for field in sets {
      guard let set = status[field], UInt64(set, radix: 16) == 0 else {
        throw SystemCallError("capset", "\(field) \(status[field] ?? "missing")", errno: EPERM)
      }
    }
    guard status["NoNewPrivs"] == "1" else { throw SystemCallError("prctl", "NoNewPrivs", errno: EPERM) }
  }
}
