import Jail
import Linux
import Netlink

/// Attacks on the jail that this process is in, through everything of the kernel that is not a packet.
enum KernelAttack {
  static func checks(_ targets: [Target], _ exposed: [String]) -> [Check] {
    var checks = [
      credentials(), nestedNamespace(), refusalLink(),
      refused(
        "socket families", "socket: AF_VSOCK, AF_PACKET, AF_BLUETOOTH, AF_ALG", expected: Errno.EAFNOSUPPORT
      ) {
        [40, 17, 31, 38].map { Probe.socket(family: $0, type: 2, number: 0) }
      },
      refused("raw sockets", "socket: SOCK_RAW over IPv4 and IPv6", expected: Errno.EPERM) {
        [2, 10].map { Probe.socket(family: $0, type: 3, number: 1) }
      },
      refused(
        "netlink protocols", "socket: NETLINK_NETFILTER, NETLINK_AUDIT", expected: Errno.EPROTONOSUPPORT
      ) {
        [12, 9].map { Probe.socket(family: 16, type: 3, number: $0) }
      },
      refused("system calls that are not there", missing.joined(separator: ", "), expected: Errno.ENOSYS) {
        missing.compactMap(Probe.call)
      },
      refused("system calls of administrators", forbidden.joined(separator: ", "), expected: Errno.EPERM) {
        forbidden.compactMap(Probe.call)
      },
      refused(
        "typing into the terminal", "ioctl: TIOCSTI in 3 encodings, TIOCLINUX, TIOCSETD",
        expected: Errno.EPERM
      ) {
        [0x5412, 0x1_0000_5412, 0xffff_ffff_0000_5412, 0x541c, 0x5423].map { Probe.ioctl(0, $0) }
      },
      outsideProcess(), takingOver(), signals(), files(), descriptors(), places(exposed),
    ]
    checks += sockets(targets)
    return checks
  }

  private static let missing = [
    "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
    "userfaultfd",
  ]
  private static let forbidden = [
    "bpf", "perf_event_open", "open_by_handle_at", "kexec_load", "init_module", "swapon",
  ]

  private static func refused(_ name: String, _ tried: String, expected: CInt, _ attempts: () -> [CInt])
    -> Check
  {
    let codes = attempts()
    let wrong = codes.filter { $0 != expected }
    return Check(
      name, tried: tried, expected: errnoName(expected),
      saw: wrong.isEmpty
        ? errnoName(expected) : codes.map { $0 == 0 ? "allowed" : errnoName($0) }.joined(separator: ", "))
  }

  private static func credentials() -> Check {
    var saw = "none, for good"
    do {
      try Capabilities.verifyDropped()
      guard try ProcessStatus.read()["Seccomp"] == "2" else {
        throw SystemCallError("seccomp", errno: Errno.EPERM)
      }
    } catch {
      saw = "\(error)"
    }
    return Check(
      "capabilities", tried: "read the five sets, securebits, no_new_privs, seccomp",
      expected: "none, for good", saw: saw)
  }

  /// A user namespace below the jail's gives all capabilities, and none over the jail's network.
  private static func nestedNamespace() -> Check {
    let tried = "unshare a user namespace, remove the link, the routes, the rules"
    let code = inChild { () throws in
      // Where not even the namespace can be had, no capability comes back.
      guard (try? Namespaces.user.unshare()) != nil else { return Errno.EPERM }
      var kernel = try NetlinkSocket()
      // Each alone: of several, only the first refusal is told.
      for request in changes {
        do {
          try kernel.apply([request])
          return 0
        } catch let error as NetlinkError {
          if error.errno != Errno.EPERM { return error.errno }
        }
      }
      return Errno.EPERM
    }
    return Check(
      "capabilities of a nested namespace", tried: tried, expected: errnoName(Errno.EPERM),
      saw: code == 0 ? "removed" : errnoName(code))
  }

  private static var changes: [Message] {
    let links = [Uplink.linkName, RefusalLink.name].compactMap { linkIndex(ofZone: $0) }
    return (links.isEmpty ? [Link.loopback] : links).map(Link.deleteRequest)
      + AddressFamily.allCases.flatMap { [RefusalLink.rule($0).deleteRequest, past($0).addRequest] }
  }

  /// What would lead past every other rule.
  private static func past(_ family: AddressFamily) -> PolicyRule {
    PolicyRule(family: family, priority: 1, table: Route.mainTable)
  }

  /// The supervisor has its descriptor; where there is no such link, none can be made.
  private static func refusalLink() -> Check {
    var code: CInt = 0
    do throws(SystemCallError) { _ = try Tun.create(named: RefusalLink.name) } catch { code = error.errno }
    let expected = [Errno.EBUSY, Errno.EPERM, Errno.ENOENT, Errno.EACCES, Errno.ENODEV, Errno.ENXIO]
    return Check(
      "the refusal link", expected.contains(code) ? .ok : .failed, tried: "attach to \(RefusalLink.name)",
      expected: expected.prefix(2).map(errnoName).joined(separator: " or "),
      saw: code == 0 ? "attached" : errnoName(code))
  }

  /// What a child process answers; it ends by that.
  private static func inChild(_ work: () throws -> CInt) -> CInt {
    guard let child = try? Process.fork() else { return Errno.EAGAIN }
    if child == 0 { Process.exit((try? work()) ?? Errno.EPROTO) }
    return ((try? Process.wait(child)) ?? nil)?.status.exitStatus ?? Errno.EPROTO
  }

  /// The nearest ancestor that is not in the jail: the supervisor, a process of the same user.
  private static var outside: CInt {
    let own = try? FileStatus.target(ofLink: "/proc/self/ns/net")
    var process = Process.parent
    while process > 1, let network = try? FileStatus.target(ofLink: "/proc/\(process)/ns/net"),
      network == own,
      let parent = (try? ProcessStatus.read(process))?["PPid"].flatMap({ CInt($0) })
    {
      process = parent
    }
    return process
  }

  private static func outsideProcess() -> Check {
    let outside = outside
    let paths = ["mem", "root/etc", "ns/net", "ns/mnt", "environ", "fd/0"]
    return refused(
      "processes outside", "open \(paths.joined(separator: ", ")) in /proc of one", expected: Errno.EACCES
    ) {
      paths.map { Probe.open("/proc/\(outside)/\($0)", writing: false) }
    }
  }

  private static func takingOver() -> Check {
    let outside = outside
    // What succeeds is done to the child, and ends with it.
    return refused(
      "taking over a process outside", "ptrace: PTRACE_SEIZE; pidfd_getfd, setns to its network",
      expected: Errno.EPERM
    ) {
      [Probe.seize, Probe.takeDescriptor, Probe.joinNetwork].map { attempt in inChild { attempt(outside) } }
    }
  }

  private static func signals() -> Check {
    let code = Probe.signal(outside)
    let expected = errnoName(Errno.EPERM)
    guard Landlock.hasScopes || code == Errno.EPERM else {
      return Check(
        "signals to outside", .limited, tried: "send signal 0 to a process outside", expected: expected,
        saw: "possible: Landlock scopes need Linux 6.12")
    }
    return Check(
      "signals to outside", tried: "send signal 0 to a process outside", expected: expected,
      saw: code == 0 ? "allowed" : errnoName(code))
  }

  private static func files() -> Check {
    let paths = [
      "/etc/resolv.conf", ConfigurationFiles.main, "/proc/sys/net/ipv4/ip_forward",
      "/proc/sys/net/ipv4/conf/all/rp_filter",
    ].filter { (try? FileStatus.of($0)) != nil }
    let wrong = paths.filter { ![Errno.EROFS, Errno.EACCES].contains(Probe.open($0, writing: true)) }
    return Check(
      "files that decide", tried: "open for writing: \(paths.joined(separator: ", "))",
      expected: "EROFS or EACCES",
      saw: wrong.isEmpty ? "EROFS or EACCES" : "writable: \(wrong.joined(separator: ", "))")
  }

  private static func descriptors() -> Check {
    // Those of the directory that is read, and of nothing else.
    let open = ((try? FileStatus.names(in: "/proc/self/fd")) ?? []).compactMap { CInt($0) }.filter { $0 > 2 }
    let others = open.filter { (try? FileStatus.target(ofLink: "/proc/self/fd/\($0)")) != nil }
    return Check(
      "inherited descriptors", tried: "look for any above 2", expected: "none",
      saw: others.isEmpty ? "none" : others.map { "\($0)" }.joined(separator: ", "))
  }

  /// /run, and what the list names. What somebody outside makes later in /tmp or in the home, beside the covered
  /// directories, is not covered; nor can it be told here from what this jail made.
  private static func places(_ exposed: [String]) -> Check {
    let kept = Set(exposed.compactMap { try? ExposedSocket($0) }.map(\.identity))
    let tried = "look for the host's /run and the sockets on the list"
    var (open, later): ([String], [String]) = ([], [])
    do {
      let list = try SocketList(.own)
      let mounts = try MountTable.read()
      let covers = Covers(mounts)
      for path in RunDirectory.paths where (try? FileStatus.ofLink(path))?.kind == .directory {
        if try !covers.isOver(FileDescriptor.refer(to: path, follow: false)) { open.append(path) }
      }
      try SocketSearch.visit(list, mounts) { place, kind, path in
        let name = String(decoding: path, as: UTF8.self)
        if kind == .socket {
          if try !kept.contains(FileStatus.of(place).identity) { later.append(name) }
        } else if try !covers.isOver(place) {
          open.append(name)
        }
      }
    } catch {
      open.append("\(error)")
    }
    guard open.isEmpty else {
      return Check(
        "places of services outside", .failed, tried: tried, expected: "covered",
        saw: "visible: \(open.joined(separator: ", "))")
    }
    return Check(
      "places of services outside", later.isEmpty ? .ok : .limited, tried: tried, expected: "covered",
      saw: later.isEmpty ? "covered" : "made since the launch, and open: \(later.joined(separator: ", "))")
  }

  private static func sockets(_ targets: [Target]) -> [Check] {
    targets.compactMap { target in
      let (name, socket, expected): (String, UnixSocket.Name, [CInt])
      switch target {
      case .unix(let path):
        (name, socket) = ("a covered Unix socket", .path(path))
        // EACCES: Landlock, with unix-sockets = own.
        expected = [Errno.ECONNREFUSED, Errno.ENOENT, Errno.EACCES]
      case .abstract(let text):
        (name, socket) = ("an abstract Unix socket", .abstract(text))
        expected = [Errno.ECONNREFUSED, Errno.EPERM]
      default: return nil
      }
      var code: CInt = 0
      do throws(SystemCallError) { try UnixSocket().connect(to: socket) } catch { code = error.errno }
      return Check(
        name, expected.contains(code) ? .ok : .failed, tried: "connect to one that listens outside",
        expected: expected.map(errnoName).joined(separator: " or "),
        saw: code == 0 ? "connected" : errnoName(code))
    }
  }
}
