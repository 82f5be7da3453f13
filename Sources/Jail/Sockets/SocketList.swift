package import Linux

/// The Unix sockets that the command must not find outside of /run (which is replaced as a whole, see `RunDirectory`), because
/// whoever answers there lives outside the jail: a Unix socket crosses network namespaces, and a read-only mount does not stop
/// connect(2). One row each, with its reason.
package struct SocketList {
  /// A row of the table.
  struct Row {
    /// The user's home that the path is in. Links in it are the command's to arrange.
    var home: String?
    /// Absolute, or below `home`.
    let path: String
    let reason: String
    /// In place of the path itself, the Unix sockets in that directory whose names begin so, and those in its
    /// directories, and theirs, whose names do.
    var prefix: String?
    /// Not the directory, but the Unix sockets in it and in its directories: what else is there is needed.
    var socketsOnly = false
    /// An entry that is left alone.
    var except: String?
    /// A directory that is made where it is missing: programs in the jail may use one of their own, which then
    /// is in the jail from the start, and not shared with what comes later outside.
    var isMade = false
    /// The path has no link: one that is there by now was put there since.
    var isResolved = false
  }

  let user: UInt32
  let rows: [Row]

  /// The rows for the user of this process; the environment tells where some places are.
  package init(_ environment: Environment) throws(SystemCallError) {
    let user = Process.userID
    self.user = user
    let account = try Self.account(user)
    var homes: [String] = []
    for home in [environment["HOME"], account?.home] {
      guard let path = home.flatMap(Self.normalized), !homes.contains(path) else { continue }
      homes.append(path)
    }
    rows =
      Self.table(user) + (account.map { Self.named($0.name) } ?? []) + homes.flatMap(Self.below)
      + (try Self.runtimeDirectory(environment["XDG_RUNTIME_DIR"], user, homes))
      + Self.record(environment)
      + ["CLAUDE_CODE_TMPDIR", "TMPDIR", "TMP", "TEMP"].compactMap { environment[$0].flatMap(Self.sessions) }
  }

  /// Makes the directories that a jail has from its start, where they are missing.
  func makeDirectories() {
    for row in rows where row.isMade { FileStatus.makePrivateDirectory(row.path) }
  }

  /// An absolute path without repeated slashes; nil if it is none.
  static func normalized(_ path: String) -> String? {
    path.hasPrefix("/") ? "/" + path.split(separator: "/").joined(separator: "/") : nil
  }

  /// What passwd(5) says of the user. Its home counts where a caller sets none.
  private static func account(_ user: UInt32) throws(SystemCallError) -> (name: String, home: String)? {
    let text = try unlessAbsent { () throws(SystemCallError) in
      try FileDescriptor.contents(of: "/etc/passwd", limit: 16 << 20)
    }
    let number = Array("\(user)".utf8)[...]
    for line in (text ?? []).split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      if fields.count > 5, fields[2] == number {
        return (String(decoding: fields[0], as: UTF8.self), String(decoding: fields[5], as: UTF8.self))
      }
    }
    return nil
  }

  /// Where running sessions of Claude Code listen without a runtime directory, if the directory for temporary files is not
  /// /tmp. Sockets only: those of the jail's own sessions are there too.
  private static func sessions(_ directory: String) -> Row? {
    guard let path = normalized("\(directory)/cc-socks") else { return nil }
    return Row(path: path, reason: "sockets of running sessions", socketsOnly: true)
  }

  /// Where the user's runtime directory is not below /run: the session bus and what else listens there. The whole
  /// directory if it is one by the rules (XDG Base Directory Specification: the user's own, mode 0700) and nothing else
  /// is in it that the command needs.
  private static func runtimeDirectory(
    _ value: String?, _ user: UInt32, _ homes: [String]
  ) throws(SystemCallError) -> [Row] {
    func resolved(_ path: String) throws(SystemCallError) -> String? {
      try unlessAbsent { () throws(SystemCallError) in try FileStatus.resolve(path) }
    }
    guard let named = value.flatMap(normalized), let path = try resolved(named) else { return [] }
    let status = try FileStatus.of(path)
    let isInRun = RunDirectory.paths.contains { Array(path.utf8).isBelow(Array($0.utf8)) }
    guard status.kind == .directory, !isInRun else { return [] }
    var needed = [try FileStatus.target(ofLink: "/proc/self/cwd")]
    for home in homes { if let home = try resolved(home) { needed.append(home) } }
    let isNeeded = needed.contains { $0 == path || Array($0.utf8).isBelow(Array(path.utf8)) }
    let isOwn = status.owner == user && status.permissions & 0o777 == 0o700
    return [
      Row(
        path: path, reason: "the user's runtime directory: session bus, systemd --user, Wayland",
        socketsOnly: isNeeded || !isOwn, isResolved: true)
    ]
  }

  /// The record, where it is elsewhere.
  private static func record(_ environment: Environment) -> [Row] {
    guard environment["XDG_STATE_HOME"] != nil, let place = RecordDirectory.Place(environment) else {
      return []
    }
    let reason = "the record of what jails were refused"
    return place.isBelowHome
      ? [Row(home: place.start, path: place.names.joined(separator: "/"), reason: reason)]
      : [Row(path: place.path, reason: reason, isResolved: true)]
  }

  private static func table(_ user: UInt32) -> [Row] {
    [
      // What is put into the jail's own /run.
      Row(path: "/run/lock", reason: "anyone may put a socket there", socketsOnly: true),
      Row(path: "/run/secrets", reason: "a mesh's workload identity, in Kubernetes", socketsOnly: true),
      // Whoever starts processes outside for the asking.
      Row(path: "/tmp", reason: "a session bus without systemd", prefix: "dbus-"),
      Row(path: "/mnt/wsl/docker-desktop", reason: "Docker Desktop's engine, in WSL"),
      // These directories cannot be read by others, and so not followed.
      Row(path: "/var/lib/lxd", reason: "LXD starts containers in any network"),
      Row(path: "/var/snap/lxd/common/lxd", reason: "LXD, from the snap"),
      Row(path: "/var/snap/lxd/common/lxd-user", reason: "LXD, from the snap, for every user"),
      Row(path: "/var/lib/incus", reason: "Incus starts containers in any network"),
      Row(path: "/nix/var/nix/daemon-socket", reason: "Nix fetches what it builds, in the host's network"),
      Row(path: "/var/guix/daemon-socket", reason: "Guix does the same"),
      Row(path: "/usr/local/var/run/watchman", reason: "the same, where it was built from source"),
      // Whoever connects elsewhere for the asking.
      Row(path: "/tmp", reason: "ssh: a shared connection leads on", prefix: "ssh_mux_"),
      Row(path: "/tmp", reason: "PostgreSQL: COPY FROM PROGRAM, dblink", prefix: ".s.PGSQL."),
      // Terminals that type for whoever asks.
      Row(path: "/tmp/tmux-\(user)", reason: "tmux: send-keys runs commands outside", isMade: true),
      Row(path: "/tmp/screens", reason: "screen: -X stuff runs commands outside"),
      Row(path: "/tmp/uscreens", reason: "the same, another default"),
      Row(path: "/tmp/zellij-\(user)", reason: "zellij: action write runs commands outside"),
      // Displays: a client can type into any window.
      Row(path: "/tmp/.X11-unix", reason: "the X server"),
      Row(path: "/tmp/.ICE-unix", reason: "the X session manager"),
      Row(path: "/mnt/wslg", reason: "WSL's displays"),
      // Browsers and editors: their sockets open files, terminals and URLs outside.
      Row(
        path: "/tmp", reason: "Chromium opens a URL in the window that there is", prefix: ".org.chromium."),
      Row(path: "/tmp", reason: "Chrome does the same", prefix: ".com.google.Chrome."),
      Row(path: "/tmp", reason: "VS Code: code --command", prefix: "vscode-"),
      Row(path: "/tmp/emacs\(user)", reason: "emacsclient --eval"),
      Row(path: "/tmp", reason: "Neovim: --server --remote-expr", prefix: "nvim."),
      // Claude's own background sessions, which would run in their starter's network.
      Row(
        path: "/tmp/cc-daemon-\(user)", reason: "claude --bg asks a daemon there to run the session",
        isMade: true),
      Row(path: "/tmp/cc-socks-\(user)", reason: "sockets of running sessions", isMade: true),
      Row(path: "/tmp/cc-socks", reason: "the same, of whichever user came first", isMade: true),
    ]
  }

  /// Directories that have the user's name.
  private static func named(_ name: String) -> [Row] {
    [
      Row(
        path: "/tmp/claude-mcp-browser-bridge-\(name)",
        reason: "Claude in Chrome: opens pages in the browser that there is", isMade: true)
    ]
  }

  /// What programs keep in their user's home, which the command may arrange. Where programs keep files that others need beside
  /// their sockets, sockets only.
  private static func below(_ home: String) -> [Row] {
    [
      // Its agents sign, and lead nowhere: OpenSSH 10.1 and newer keep them there.
      Row(
        home: home, path: ".ssh",
        reason: "ssh: a shared connection (ControlPath) leads where its master went",
        socketsOnly: true, except: "agent"),
      Row(home: home, path: ".ansible/cp", reason: "Ansible's shared connections"),
      Row(home: home, path: ".docker/desktop", reason: "Docker Desktop's engine"),
      Row(home: home, path: ".docker/run", reason: "Docker Desktop's engine"),
      Row(home: home, path: ".rd", reason: "Rancher Desktop's engine", socketsOnly: true),
      Row(home: home, path: ".colima", reason: "Colima's engines"),
      Row(home: home, path: ".lima", reason: "Lima's virtual machines"),
      Row(home: home, path: ".pm2", reason: "pm2 runs what it is given", socketsOnly: true),
      Row(
        home: home, path: ".local/state/watchman", reason: "watchman runs what it is given as a trigger"),
      // No sockets, but not for the command to read or write either.
      Row(home: home, path: ".local/state/claude-sandbox", reason: "the record of what jails were refused"),
      Row(
        home: home, path: ".local/share/code-server",
        reason: "code-server opens files in the window that there is",
        socketsOnly: true),
      Row(
        home: home, path: ".local/share/wezterm", reason: "wezterm: cli send-text runs commands outside"),
      Row(
        home: home, path: ".local/share/zed", reason: "Zed opens files in the window that there is",
        socketsOnly: true),
    ]
  }
}
