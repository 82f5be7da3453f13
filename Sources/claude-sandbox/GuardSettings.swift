import FoundationEssentials
import Jail
import Linux
import Verify

/// The managed settings that make Claude Code ask the guard, as an administrator would check them.
enum GuardSettings {
  private static let directory = "/etc/claude-code"
  private static let own = "\(directory)/managed-settings.d/50-claude-sandbox.json"

  /// The keys that decide. A value of a wrong type makes Claude Code ignore its key.
  private struct Settings: Decodable {
    struct Helper: Decodable {
      let path: String
      let timeoutMs: Int?
    }
    struct Anything: Decodable { init(from _: any Decoder) {} }
    let policyHelper: Helper?
    let policyHelpers: Anything?
    let processWrapper: String?
  }

  /// Nothing where no guard is installed.
  static func checks() -> [Check] {
    guard (try? FileStatus.of(own)) != nil else { return [] }
    return [settings(), others(), helper()]
  }

  private static func read(_ path: String) throws -> Settings {
    try JSONDecoder().decode(
      Settings.self, from: Data(try FileDescriptor.contents(of: try TrustedFile.resolve(path))))
  }

  private static func settings() -> Check {
    var saw = "both are this program, and root's alone"
    do {
      let settings = try read(own)
      let program = try FileStatus.of("/proc/self/exe").identity
      for path in [settings.policyHelper?.path, settings.processWrapper] {
        guard let path else {
          throw SystemCallError("policyHelper and processWrapper", own, errno: Errno.ENOENT)
        }
        if try FileStatus.of(try TrustedFile.resolve(path)).identity != program {
          saw = "\(path) is another program"
        }
      }
    } catch {
      saw = "\(error)"
    }
    return Check(
      "guard, settings", tried: "read \(own)", expected: "both are this program, and root's alone", saw: saw)
  }

  /// Files that would decide instead.
  private static func others() -> Check {
    let names = (try? FileStatus.names(in: "\(directory)/managed-settings.d")) ?? []
    let paths =
      ["\(directory)/managed-settings.json"] + names.sorted().map { "\(directory)/managed-settings.d/\($0)" }
    let rivals = paths.filter { path in
      guard path != own, path.hasSuffix(".json"), (try? FileStatus.of(path)) != nil else { return false }
      guard let settings = try? read(path) else { return true }
      return settings.policyHelper != nil || settings.policyHelpers != nil || settings.processWrapper != nil
    }
    return Check(
      "guard, other settings", tried: "read the other files in \(directory)",
      expected: "none sets these keys",
      saw: rivals.isEmpty ? "none sets these keys" : rivals.joined(separator: ", "))
  }

  /// Outside of a jail it has to refuse.
  private static func helper() -> Check {
    var saw = "it cannot be run"
    if let path = try? read(own).policyHelper?.path, let child = try? Process.fork() {
      if child == 0 {
        try? FileDescriptor.open("/dev/null", FileDescriptor.readWrite).place(at: 2)
        try? Process.execute(Array(path.utf8), arguments: [Array(path.utf8)], environment: [])
        Process.exit(126)
      }
      let status = ((try? Process.wait(child)) ?? nil)?.status.exitStatus
      saw = status == 1 ? "refused" : status == 0 ? "allowed" : "it cannot be run"
    }
    return Check("guard, without a jail", tried: "run the helper here", expected: "refused", saw: saw)
  }
}
