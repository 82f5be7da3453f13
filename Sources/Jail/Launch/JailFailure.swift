public import Linux
public import Netlink

/// What the processes of a jail fail with. It passes between them unchanged: see `FailureCoding`.
public enum JailFailure: Error, Equatable, Sendable {
  /// A step of the launch failed.
  case step(LaunchStep, Cause)
  /// The working directory does not exist in the jail.
  case workingDirectory(String, errno: CInt)
  /// pasta ended before it was ready; its own words.
  case pasta(String)
  /// The command was not found (127) or cannot be executed (126).
  case command(String, errno: CInt)
  /// A signal came before the command ran: the status that the command would have had. No failure to speak of.
  case interrupted(WaitStatus)
  /// The launcher was killed while the jail was being built.
  case launcherDied
  /// The supervisor could not go on; the command and all that it started were killed.
  case supervisorFailed(Cause)
  /// The supervisor was killed; the command and all that it started were killed with it.
  case supervisorDied

  /// As env(1), timeout(1) and nohup(1) have it.
  public var exitStatus: CInt {
    guard case .command(_, let errno) = self else { return 125 }
    return errno == Errno.ENOENT || errno == Errno.ENOTDIR ? 127 : 126
  }

  /// What was found of the machine, in the words of `doctor`; nil when the machine has no part in it.
  var finding: Prerequisite? {
    let fix = "claude-sandbox doctor shows what is missing"
    switch self {
    case .step(let step, let cause): return .missing("\(step)", "\(cause)", fix: fix)
    case .workingDirectory(let path, let errno):
      return .missing(
        "working directory", "\(path) is not there in the jail: \(errnoText(errno))",
        fix: "cd to a directory outside /run, /dev and the other places that a jail covers")
    case .pasta(let words): return .missing("pasta", "ended before it was ready: \(words)", fix: fix)
    case .command, .interrupted, .launcherDied, .supervisorFailed, .supervisorDied: return nil
    }
  }

  /// What failed, in its parts.
  var complaint: Complaint {
    if let finding { return finding.complaint }
    switch self {
    case .command(let name, let errno):
      return Complaint(
        .command, "\(name): \(errno == Errno.ENOENT ? "command not found" : errnoText(errno))")
    case .launcherDied: return Complaint(.launch, "the launcher was killed")
    case .supervisorFailed(let cause):
      return Complaint(.launch, "the supervisor failed, and the jail with it: \(cause)")
    case .supervisorDied: return Complaint(.launch, "the supervisor was killed, and the jail with it")
    case .interrupted, .step, .workingDirectory, .pasta: return Complaint(.launch, "interrupted")
    }
  }

  /// What failed, and how to fix it: lines for stderr, without a final line break.
  public var text: String { finding?.complaint.refusal ?? complaint.failure }
}

/// Why a step failed: in the kernel's words, or those of a check.
public enum Cause: Equatable, Sendable, CustomStringConvertible {
  case systemCall(SystemCallError)
  case netlink(NetlinkError)
  case routes(RouteMismatch)
  case other(String)

  init(_ error: any Error) {
    switch error {
    case let error as SystemCallError: self = .systemCall(error)
    case let error as NetlinkError: self = .netlink(error)
    case let error as RouteMismatch: self = .routes(error)
    default: self = .other("\(error)")
    }
  }

  public var description: String {
    switch self {
    case .systemCall(let error): error.description
    case .netlink(let error): error.description
    case .routes(let mismatch): mismatch.description
    case .other(let text): text
    }
  }
}
