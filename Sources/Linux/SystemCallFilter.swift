internal import CLibseccomp
internal import CLinux
internal import Glibc

/// A seccomp filter that allows everything but what is refused (seccomp(2), through libseccomp).
///
/// System calls of any other architecture fail with ENOSYS: a filter for one architecture says nothing about
/// the others.
@safe public struct SystemCallFilter: ~Copyable {
  private let context: scmp_filter_ctx

  /// What is asked of one argument. Of a value only the low 32 bits are compared: that is what the kernel takes,
  /// whatever the upper half says.
  public struct Condition: Sendable {
    let comparison: scmp_arg_cmp

    public static func argument(_ index: UInt32, is value: UInt32) -> Condition {
      Condition(
        comparison: scmp_arg_cmp(
          arg: index, op: SCMP_CMP_MASKED_EQ, datum_a: 0xffff_ffff, datum_b: UInt64(value)))
    }

    /// All 64 bits are compared.
    public static func argumentIsNotZero(_ index: UInt32) -> Condition {
      Condition(comparison: scmp_arg_cmp(arg: index, op: SCMP_CMP_NE, datum_a: 0, datum_b: 0))
    }
  }

  private static let allow: UInt32 = 0x7fff_0000  // SCMP_ACT_ALLOW
  private static func fail(_ errno: CInt) -> UInt32 { 0x0005_0000 | UInt32(errno) }  // SCMP_ACT_ERRNO

  private init(owning context: scmp_filter_ctx) { unsafe self.context = context }

  /// A filter that refuses nothing yet.
  public static func make() throws(SystemCallError) -> SystemCallFilter {
    // SAFETY: a context that is released once, in deinit.
    guard let context = unsafe seccomp_init(allow) else {
      throw SystemCallError("seccomp_init", errno: ENOMEM)
    }
    let filter = unsafe SystemCallFilter(owning: context)
    try check("seccomp_attr_set") { unsafe seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, fail(ENOSYS)) }
    // no_new_privs is a step of its own, and read back.
    try check("seccomp_attr_set") { unsafe seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0) }
    return filter
  }

  deinit { unsafe seccomp_release(context) }

  /// Makes a system call fail with an error number, whenever all conditions hold. A call that this
  /// architecture does not have is skipped.
  public func refuse(
    _ call: String, with errno: CInt, when conditions: [Condition] = []
  ) throws(SystemCallError) {
    let number = unsafe seccomp_syscall_resolve_name(call)
    // A negative number stands for a call of other architectures only; there is nothing to refuse.
    if number < 0 && number != -1 { return }
    guard number != -1 else { throw SystemCallError("seccomp_syscall_resolve_name", call, errno: EINVAL) }
    let comparisons = conditions.map(\.comparison)
    try Self.check("seccomp_rule_add", call) {
      // SAFETY: the array is passed with its own count.
      unsafe seccomp_rule_add_array(context, Self.fail(errno), number, UInt32(comparisons.count), comparisons)
    }
  }

  /// Puts the filter on this process and all that it will start, for good.
  public func load() throws(SystemCallError) {
    try Self.check("seccomp_load") { unsafe seccomp_load(context) }
    guard try ProcessStatus.read()["Seccomp"] == "2" else {
      throw SystemCallError("seccomp_load", errno: EPERM)
    }
  }

  /// libseccomp returns the negative error number.
  private static func check(
    _ call: String, _ subject: String = "", _ body: () -> CInt
  ) throws(SystemCallError) {
    let result = body()
    if result < 0 { throw SystemCallError(call, subject, errno: -result) }
  }
}
