import Linux
import Netlink

/// Tries out, in a child process, whether this user may build a jail's namespaces here. Some systems let
/// unshare(2) succeed and refuse what the namespace is for, so each step is tried.
enum NamespaceProbe {
  enum Step: UInt8, CaseIterable {
    case user = 1, map, network, configure, device, mount, ipc, names

    var name: String {
      switch self {
      case .user: "user namespace"
      case .map: "identity map"
      case .network: "network namespace"
      case .configure: "network configuration"
      case .device: "tap device"
      case .mount: "mount namespace"
      case .ipc: "IPC namespace"
      case .names: "link to names"
      }
    }

    var call: String {
      switch self {
      case .user: "unshare(CLONE_NEWUSER)"
      case .map: "write /proc/self/uid_map"
      case .network: "unshare(CLONE_NEWNET)"
      case .configure: "RTM_NEWLINK lo up"
      case .device: "TUNSETIFF"
      case .mount: "unshare(CLONE_NEWNS)"
      case .ipc: "unshare(CLONE_NEWIPC)"
      case .names: "RTM_NEWLINK veth"
      }
    }

    /// The sysctl that limits how many there may be, below /proc/sys.
    var limit: String? {
      switch self {
      case .user: "user/max_user_namespaces"
      case .network, .names: "user/max_net_namespaces"
      case .mount: "user/max_mnt_namespaces"
      case .ipc: "user/max_ipc_namespaces"
      default: nil
      }
    }
  }

  enum Result {
    case done
    case failed(Step, errno: CInt)
  }

  static func run() -> Result {
    do throws(SystemCallError) {
      let pipe = try Pipe()
      let (user, group) = (Process.userID, Process.groupID)
      let child = try Process.fork()
      if child == 0 {
        let report = attempt(user: user, group: group)
        try? pipe.writer.write(report)
        Process.exit(0)
      }
      let reader = pipe.keepReader()
      let report = try reader.readAll(limit: 16)
      _ = try Process.wait(child)
      if report == succeeded { return .done }
      guard report.count == 2, let step = Step(rawValue: report[0]) else {
        return .failed(.user, errno: Errno.EPROTO)
      }
      return .failed(step, errno: CInt(report[1]))
    } catch {
      return .failed(.user, errno: error.errno)
    }
  }

  private static let succeeded: [UInt8] = [0, 0]

  /// The step that failed and its error number.
  private static func attempt(user: UInt32, group: UInt32) -> [UInt8] {
    var step = Step.user
    do {
      // After a launch that failed, the launcher asks.
      try Process.show()
      try Namespaces.user.unshare()
      step = .map
      try Namespaces.mapIdentity(user: user, group: group)
      step = .network
      try Namespaces.network.unshare()
      step = .configure
      var kernel = try NetlinkSocket()
      try kernel.apply([Link.upRequest(index: Link.loopback)])
      step = .device
      _ = try Tap.create(named: "probe0")
      step = .mount
      try Namespaces.mount.unshare()
      try Mounts.makePrivate()
      step = .ipc
      try Namespaces.ipc.unshare()
      step = .names
      let jail = try FileDescriptor.open("/proc/self/ns/net", FileDescriptor.readOnly)
      try Namespaces.network.unshare()
      var names = try NetlinkSocket()
      try names.apply([NamesNamespace.linkRequest(joining: jail.rawValue)])
      return succeeded
    } catch let error as SystemCallError {
      return [step.rawValue, UInt8(truncatingIfNeeded: error.errno)]
    } catch let error as NetlinkError {
      return [step.rawValue, UInt8(truncatingIfNeeded: error.errno)]
    } catch {
      return [step.rawValue, UInt8(Errno.EPROTO)]
    }
  }
}
