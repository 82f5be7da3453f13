internal import CLinux
internal import Glibc

/// A failed system call: which one, on what, and why (errno(3)).
public struct SystemCallError: Error, Equatable, CustomStringConvertible {
  /// The call's name as in its manual page, e.g. `unshare`.
  public let call: String
  /// What it was applied to, e.g. a path; empty when the call says it all.
  public let subject: String
  /// The error number, e.g. `EPERM`.
  public let errno: CInt

  /// Describes a failure that was not returned in errno, or one that is made up by a check of ours.
  public init(_ call: String, _ subject: String = "", errno: CInt) {
    self.call = call
    self.subject = subject
    self.errno = errno
  }

  /// Whether nothing answers at this name: it is not there, leads in a circle, may not be entered, or is on a file
  /// system whose server is away.
  public var isAbsence: Bool {
    [
      ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, ENOTCONN, ESTALE, EIO, EHOSTDOWN, ETIMEDOUT, ENODEV,
    ].contains(errno)
  }

  public var description: String {
    subject.isEmpty ? "\(call): \(errnoText(errno))" : "\(call) \(subject): \(errnoText(errno))"
  }
}

/// What was found at a name; nil where nothing answers. Any other error is thrown.
public func unlessAbsent<Found: ~Copyable>(
  _ look: () throws(SystemCallError) -> Found
) throws(SystemCallError) -> Found? {
  do throws(SystemCallError) {
    return try look()
  } catch {
    if error.isAbsence { return nil }
    throw error
  }
}

/// The text of an error number, as strerror(3) gives it.
public func errnoText(_ code: CInt) -> String {
  // SAFETY: strerror returns a NUL-terminated string; it is copied before anything else can overwrite it.
  guard let text = unsafe strerror(code) else { return "error \(code)" }
  return unsafe String(cString: text)
}

/// Runs one system call; repeats it when a signal interrupted it, and throws when it returned a negative
/// number.
@discardableResult
@inline(__always)
func check<Result: FixedWidthInteger & SignedInteger>(
  _ call: StaticString, _ subject: @autoclosure () -> String = "", _ body: () -> Result
) throws(SystemCallError) -> Result {
  while true {
    let result = body()
    if result >= 0 { return result }
    let code = errno
    if code == EINTR { continue }
    throw SystemCallError("\(call)", subject(), errno: code)
  }
}
