import Linux

extension Environment {
  /// Sockets and descriptors that exist outside only, whatever their value.
  private static let removed: Set<String> = [
    "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "TMUX",
    "TMUX_PANE", "STY",
    "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY",
    "SESSION_MANAGER",
    "VSCODE_IPC_HOOK_CLI", "VSCODE_IPC_HOOK", "VSCODE_GIT_IPC_HANDLE", "NVIM", "NVIM_LISTEN_ADDRESS",
    "WSL_INTEROP",
    // Node's channel to its parent, a descriptor; and the helper that asks VS Code for a password, over one of the sockets above.
    "NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "VSCODE_GIT_ASKPASS_NODE",
    "VSCODE_GIT_ASKPASS_EXTRA_ARGS", "VSCODE_GIT_ASKPASS_MAIN",
  ]

  /// make(1)'s options for the makes below it.
  private static let makeFlags: Set<String> = ["MAKEFLAGS", "MFLAGS", "CARGO_MAKEFLAGS"]

  /// Those options without a jobserver that is a pair of descriptors; one that is a FIFO has a name.
  private static func withoutJobserver(_ flags: [UInt8]) -> [UInt8] {
    let space = UInt8(ascii: " ")
    let words = flags.split(separator: space, omittingEmptySubsequences: false).filter { word in
      !word.starts(with: "--jobserver-fds=".utf8)
        && (!word.starts(with: "--jobserver-auth=".utf8) || word.starts(with: "--jobserver-auth=fifo:".utf8))
    }
    return Array(words.joined(separator: [space]))
  }

  /// Variables that name a socket: removed when it is covered.
  private static let sockets: Set<String> = [
    "SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DOCKER_HOST", "CONTAINER_HOST", "PULSE_SERVER",
  ]

  /// Without the variables that lead to what is covered; everything else is passed on as it is.
  func without(_ covers: Covers, exposed: [String]) -> Environment {
    // Git's own helper is then VS Code's, too.
    let hasEditor = self["VSCODE_GIT_ASKPASS_MAIN"] != nil
    let kept = entries.filter { entry in
      let parts = entry.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(decoding: parts[0], as: UTF8.self)
      if Self.removed.contains(name) || Self.desktops.contains(name) || name == "GIT_ASKPASS" && hasEditor {
        return false
      }
      guard Self.sockets.contains(name), parts.count == 2 else { return true }
      let value = String(decoding: parts[1], as: UTF8.self)
      let path =
        value.hasPrefix("unix://")
        ? String(value.dropFirst(7)) : value.hasPrefix("unix:") ? String(value.dropFirst(5)) : value
      if exposed.contains(path) { return true }
      let names = [path, (try? FileStatus.resolve(path)) ?? path]
      return !names.contains { covers.hide(Array($0.utf8)) }
    }
    return Environment(
      kept.map { entry in
        let name = entry.prefix { $0 != UInt8(ascii: "=") }
        guard Self.makeFlags.contains(String(decoding: name, as: UTF8.self)) else { return entry }
        return name + entry.dropFirst(name.count).prefix(1)
          + Self.withoutJobserver(Array(entry.dropFirst(name.count + 1)))
      })
  }
}
