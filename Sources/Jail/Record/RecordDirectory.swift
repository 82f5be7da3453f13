public import Linux
import Record

/// The directory in which launches are recorded: `claude-sandbox` below $XDG_STATE_HOME, or below ~/.local/state
/// (XDG Base Directory Specification).
///
/// The home is what commands of earlier jails may have arranged, so no link below it is followed, and the directory must be the
/// user's own. Where it leads may change at any time; whoever has opened it holds it.
public enum RecordDirectory {
  static let name = "claude-sandbox"

  /// Why there is no record.
  public struct Unavailable: Error, Sendable {
    /// The reason, with the path.
    public let reason: String
    /// Nothing is there that could hold one, as in many containers; not that somebody has taken it away.
    public let isOrdinary: Bool
    /// Nothing was recorded yet.
    let isMissing: Bool

    init(_ reason: String, isOrdinary: Bool) {
      isMissing = false
      self.reason = reason
      self.isOrdinary = isOrdinary
    }

    init(_ error: SystemCallError, _ path: String) {
      reason = "\(path): \(errnoText(error.errno))"
      isOrdinary = error.errno == Errno.EROFS
      isMissing = error.errno == Errno.ENOENT
    }
  }

  /// Where it is, as its names say.
  struct Place {
    /// Where links are followed: a home, or $XDG_STATE_HOME where that is elsewhere.
    let start: String
    /// From there.
    let names: [String]
    /// Whether it starts at the home.
    let isBelowHome: Bool

    var path: String { ([start == "/" ? "" : start] + names).joined(separator: "/") }

    init?(_ environment: Environment) {
      let home = environment["HOME"].flatMap(SocketList.normalized)
      if let state = environment["XDG_STATE_HOME"].flatMap(SocketList.normalized) {
        if let home, state.hasPrefix(home + "/") {
          let names = state.dropFirst(home.count + 1).split(separator: "/").map(String.init)
          self.init(home, names, isBelowHome: true)
        } else {
          self.init(state, [], isBelowHome: false)
        }
      } else if let home {
        self.init(home, [".local", "state"], isBelowHome: true)
      } else {
        return nil
      }
    }

    private init(_ start: String, _ names: [String], isBelowHome: Bool) {
      self.isBelowHome = isBelowHome
      self.start = start
      self.names = names + [RecordDirectory.name]
    }
  }

  /// Where it is, or would be; nil without a home.
  public static func path(_ environment: Environment) -> String? { Place(environment)?.path }

  /// Opens it, and makes it where it is missing, if that is wanted.
  public static func open(
    _ environment: Environment, making: Bool
  ) throws(Unavailable) -> FileDescriptor {
    guard let place = Place(environment) else {
      throw Unavailable("HOME is not set", isOrdinary: true)
    }
    let start = try start(place)
    do throws(SystemCallError) {
      let directory = try Self.directory(place, in: start, making: making)
      let status = try FileStatus.of(directory)
      guard status.kind == .directory, status.owner == Process.userID else {
        throw SystemCallError("openat2", place.path, errno: Errno.ENOTDIR)
      }
      return directory
    } catch {
      if [Errno.ELOOP, Errno.ENOTDIR].contains(error.errno) {
        throw Unavailable("\(place.path): not a directory of this user, or behind a link", isOrdinary: false)
      }
      throw Unavailable(error, place.path)
    }
  }

  /// For `doctor`: whether launches are recorded.
  public static func check(_ environment: Environment) -> Prerequisite {
    let name = "record"
    do throws(Unavailable) {
      _ = try open(environment, making: false)
      return .ok(name, path(environment) ?? "")
    } catch {
      if error.isMissing { return .ok(name, "none yet; \(path(environment) ?? "")") }
      return .limited(
        name, "launches are not recorded: \(error.reason.visible())",
        fix: "give this user a directory of its own there, or set XDG_STATE_HOME")
    }
  }

  private static func start(_ place: Place) throws(Unavailable) -> FileDescriptor {
    do throws(SystemCallError) {
      let start = try FileDescriptor.refer(to: place.start, follow: true)
      let status = try FileStatus.of(start)
      guard status.kind == .directory, status.owner == Process.userID else {
        throw SystemCallError("open", place.start, errno: Errno.EPERM)
      }
      return start
    } catch {
      let reason = error.errno == Errno.EPERM ? "not a directory of this user" : errnoText(error.errno)
      throw Unavailable("\(place.start): \(reason)", isOrdinary: true)
    }
  }

  private static func directory(
    _ place: Place, in start: borrowing FileDescriptor, making: Bool
  ) throws(SystemCallError) -> FileDescriptor {
    let names = place.names.map { Array($0.utf8) }
    do throws(SystemCallError) {
      return try start.refer(toWithoutLinks: Array(names.joined(separator: [UInt8(ascii: "/")])))
    } catch {
      guard making, error.errno == Errno.ENOENT else { throw error }
    }
    var directory = try start.refer(toWithoutLinks: [UInt8(ascii: ".")])
    for name in names {
      try directory.makePrivateDirectory(name)
      directory = try directory.refer(toWithoutLinks: name)
    }
    return directory
  }
}
