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
  ]

  /// Variables that name a socket: removed when it is covered.
  private static let sockets: Set<String> = [
    "SSH_AUTH_SOCK", "GPG_AGENT_INFO", "DOCKER_HOST", "CONTAINER_HOST", "PULSE_SERVER",
  ]

  /// Without the variables that lead to what is covered; everything else is passed on as it is.
  func without(_ covers: Covers, exposed: [String]) -> Environment {
    let kept = entries.filter { entry in
      let parts = entry.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(decoding: parts[0], as: UTF8.self)
      if Self.removed.contains(name) { return false }
      guard Self.sockets.contains(name), parts.count == 2 else { return true }
      let value = String(decoding: parts[1], as: UTF8.self)
      let path =
        value.hasPrefix("unix://")
        ? String(value.dropFirst(7)) : value.hasPrefix("unix:") ? String(value.dropFirst(5)) : value
      if exposed.contains(path) { return true }
      let names = [path, (try? FileStatus.resolve(path)) ?? path]
      return !names.contains { covers.hide(Array($0.utf8)) }
    }
    return Environment(kept)
  }
}
