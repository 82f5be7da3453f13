import Linux
import Netlink
import Policy

/// What the jail needs of the machine. A launch checks what is cheap and tries the rest; when something
/// fails, and for `doctor`, everything is probed, so that all that is missing is named at once.
public enum Prerequisites {
  /// What a launch must know before it creates anything. The path of pasta; nil for a jail that does not need it.
  static func preflight(_ configuration: Configuration) throws(LaunchFailure) -> String? {
    if configuration.network.value == .none { return nil }
    let device = device()
    guard device.state == .ok else { throw refusal(device) }
    guard configuration.hasUplink else { return nil }
    do throws(TrustedFile.Distrust) {
      return try Pasta.find()
    } catch {
      throw refusal(pasta(error))
    }
  }

  /// What the configuration asks of the kernel beyond that.
  static func check(_ configuration: Configuration) throws(LaunchFailure) {
    let landlock = landlock(configuration.unixSockets.value)
    if landlock.state == .missing { throw .prerequisites([landlock]) }
  }

  /// All that is missing; what was seen to be missing also when a second look finds it there.
  private static func refusal(_ seen: Prerequisite) -> LaunchFailure {
    let missing = missing()
    return .prerequisites(missing.isEmpty ? [seen] : missing)
  }

  /// Everything that is missing.
  static func missing() -> [Prerequisite] { check().filter { $0.state == .missing } }

  /// Probes everything.
  public static func check() -> [Prerequisite] {
    let device = device()
    var namespaces = namespaces()
    // A tap needs the device, so what is wrong with that is said once.
    if device.state == .missing { namespaces.removeAll { $0.name == NamespaceProbe.Step.device.name } }
    let configuration = (try? Launch.configuration().0) ?? Configuration()
    let isClosed = configuration.network.value == .none
    return [
      kernel(), device,
      needed(pasta(), configuration.hasUplink, isClosed ? "network = none" : "no line opens an address"),
    ]
      + namespaces.map { row in
        guard row.name == NamespaceProbe.Step.names.name else { return row }
        return needed(row, configuration.hasGateway, isClosed ? "network = none" : "no line opens a name")
      } + [user(), landlock(configuration.unixSockets.value)]
  }

  /// What is missing, and not needed by this configuration, is told, and keeps no jail from being built.
  private static func needed(_ found: Prerequisite, _ isNeeded: Bool, _ why: String) -> Prerequisite {
    guard found.state == .missing, !isNeeded else { return found }
    return .limited(found.name, "\(found.finding); it is not needed here: \(why)", fix: found.fix ?? "")
  }

  /// Who launches. A jail keeps root's files from the command by their owner, so not from uid 0.
  package static func user() -> Prerequisite {
    guard Process.userID == 0, (try? FileStatus.of("/"))?.owner == 0 else {
      return .ok("user", "does not own this system")
    }
    return .limited(
      "user", "uid 0 owns this system: a command can change the files that later launches use",
      fix: "launch as an ordinary user")
  }

  private static func landlock(_ sockets: UnixSockets) -> Prerequisite {
    let found = Landlock.abi.map { "ABI \($0)" } ?? "not available"
    guard sockets == .listed || Landlock.hasUnixSockets else {
      return .missing(
        "landlock", "\(found): unix-sockets = own needs ABI 9",
        fix:
          "run Linux 7.1 or newer, with landlock among the security modules (lsm=), or write unix-sockets = listed"
      )
    }
    guard Landlock.hasScopes else {
      return .limited(
        "landlock", "no scopes: the command can send signals to your processes outside",
        fix: "run Linux 6.12 or newer, with landlock among the security modules (lsm=)")
    }
    let state =
      switch (sockets, Landlock.hasUnixSockets) {
      case (.own, _): "unix-sockets = own"
      case (.listed, true): "unix-sockets = own is possible"
      case (.listed, false): "unix-sockets = own would need ABI 9, Linux 7.1"
      }
    return .ok("landlock", "\(found); \(state)")
  }

  private static let tun = "/dev/net/tun"

  private static func kernel() -> Prerequisite {
    let release = kernelRelease()
    let numbers = release.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
    guard numbers.count == 2, (numbers[0], numbers[1]) >= (5, 12) else {
      return .missing("kernel", "Linux \(release) is too old", fix: "run Linux 5.12 or newer (mount_setattr)")
    }
    return .ok("kernel", "Linux \(release)")
  }

  private static func device() -> Prerequisite {
    do throws(SystemCallError) {
      _ = try FileDescriptor.open(tun, FileDescriptor.readWrite)
      return .ok(tun, "can be opened")
    } catch {
      return .missing(tun, errnoText(error.errno), fix: deviceFix(error.errno))
    }
  }

  private static func deviceFix(_ errno: CInt) -> String {
    switch errno {
    case Errno.ENOENT:
      "pass the device to the container (devcontainer.json: \"runArgs\": [\"--device=/dev/net/tun\"]); on a host: modprobe tun"
    case Errno.EACCES:
      "chmod 0666 /dev/net/tun (a udev rule keeps it: KERNEL==\"tun\", MODE=\"0666\")"
    case Errno.EPERM:
      "allow the device in the container (devcontainer.json: \"runArgs\": [\"--device=/dev/net/tun\"]); creating the node is not enough"
    default: "load the kernel module: modprobe tun"
    }
  }

  private static func pasta() -> Prerequisite {
    do throws(TrustedFile.Distrust) {
      let path = try Pasta.find()
      guard let version = Pasta.version(of: path) else {
        return .missing(
          "pasta", "\(path) cannot be run, or does not know --fd",
          fix: "apt-get install --reinstall passt (2023-03 or newer)")
      }
      guard Pasta.refusesClosedPorts(path) else {
        return .limited(
          "pasta",
          "\(path), \(version): a connection to a closed port of the internet hangs instead of being refused",
          fix: "install passt of 2024-08 or newer, from the distribution's backports or its next release")
      }
      return .ok("pasta", "\(path), \(version)")
    } catch {
      return pasta(error)
    }
  }

  private static func pasta(_ distrust: TrustedFile.Distrust) -> Prerequisite {
    if distrust.isMissing {
      return .missing(
        "pasta", "is not installed in \(Pasta.paths.joined(separator: " or "))", fix: "apt-get install passt")
    }
    return .missing("pasta", "\(distrust)", fix: distrust.fix)
  }

  /// Tries, in a child, what the holder does in its new namespaces, step by step.
  private static func namespaces() -> [Prerequisite] {
    switch NamespaceProbe.run() {
    case .done: return NamespaceProbe.Step.allCases.map { .ok($0.name, "works") }
    case .failed(let failed, let errno):
      return NamespaceProbe.Step.allCases.filter { $0.rawValue <= failed.rawValue }.map { step in
        step == failed
          ? .missing(step.name, "\(step.call): \(errnoText(errno))", fix: namespaceFix(step, errno))
          : .ok(step.name, "works")
      }
    }
  }

  private static func namespaceFix(_ step: NamespaceProbe.Step, _ errno: CInt) -> String {
    if let limit = step.limit, errno == Errno.ENOSPC, Sysctl.value(limit) != nil {
      return "raise the limit: sysctl -w \(limit.split(separator: "/").joined(separator: "."))=15000"
    }
    if step == .map, Process.userID == 0, !Capabilities.canMapUserZero {
      return "uid 0 without CAP_SETFCAP may not map itself (Linux 5.12), as in a jail: use an ordinary user"
    }
    if Sysctl.value("kernel/unprivileged_userns_clone") == "0" {
      return "allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1"
    }
    if Sysctl.value("kernel/apparmor_restrict_unprivileged_userns") == "1" {
      return "allow user namespaces for this program with an AppArmor profile: profile claude-sandbox "
        + "/usr/local/bin/claude-sandbox flags=(unconfined) { userns, } in /etc/apparmor.d/claude-sandbox, then apparmor_parser -r"
    }
    if step == .mount, errno == Errno.EACCES {
      return
        "let the container mount, which Docker's default AppArmor profile forbids: --security-opt apparmor=unconfined"
    }
    if step == .names, errno == Errno.EOPNOTSUPP { return "load the kernel module: modprobe veth" }
    if step == .device {
      return "allow the device in the container (devcontainer.json: \"runArgs\": [\"--device=/dev/net/tun\"])"
    }
    // Without a seccomp filter it was not one; user_namespaces(7) names what else the kernel refuses with EPERM.
    if step == .user, errno == Errno.EPERM, (try? ProcessStatus.read())?["Seccomp"] == "0" {
      return "leave the chroot, if this is one: the kernel creates no user namespaces in one (use pivot_root)"
    }
    return
      "run the container with a seccomp profile that allows unshare, clone and mount (podman's default does; "
      + "Docker: --security-opt seccomp=etc/seccomp/docker.json of claude-sandbox)"
  }
}
