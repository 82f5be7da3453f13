import Linux
package import Policy

/// What the command shall not find in the file system, because whoever answers there lives outside the jail:
/// a Unix socket crosses network namespaces, and a read-only mount does not stop connect(2). One row each,
/// with its reason.
package struct Masks {
  /// A row of the table.
  package struct Mask {
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
    /// is in the jail from the start, and not something that appears later.
    var isMade = false
  }

  let user: UInt32
  let exposed: [String]
  package let table: [Mask]
  /// The prefixes of each directory that has some, so that it is read once: /tmp may hold thousands of files.
  let prefixes: [String: [[UInt8]]]
  /// The directories on the way to what the table names, each once, those above first.
  let ways: [[UInt8]]

  /// Those of a user. A home that is no absolute path is none. `exposed` are the sockets that the administrator
  /// leaves visible.
  init(user: UInt32, home: String?, exposed: [String]) {
    self.user = user
    self.exposed = exposed
    let home = home.flatMap { $0.hasPrefix("/") ? $0.split(separator: "/").map { "/\($0)" }.joined() : nil }
    table = Self.table(user) + (home.map(Self.below) ?? [])
    var known: Set<String> = []
    ways = table.flatMap { mask in
      mask.path.ancestors.reversed() + (mask.prefix == nil ? [] : [mask.path])
    }.filter { known.insert($0).inserted }.map { Array($0.utf8) }
    prefixes = table.reduce(into: [:]) { found, mask in
      if let prefix = mask.prefix { found[mask.path, default: []].append(Array(prefix.utf8)) }
    }
  }

  /// Those of the calling process.
  package init(_ configuration: Configuration) {
    self.init(
      user: Process.userID, home: Environment.own["HOME"], exposed: configuration.exposedSockets.map(\.value))
  }

  private static func table(_ user: UInt32) -> [Mask] {
    [
      // Name service: the jail has its own.
      Mask(path: "/run/nscd", reason: "the C library asks nscd(8) before resolv.conf"),
      Mask(path: "/var/run/nscd", reason: "the same, where /var/run is a directory of its own"),
      Mask(
        path: "/run/avahi-daemon",
        reason: "nss-mdns resolves through it, with multicast in the host's network"),
      Mask(
        path: "/run/systemd/resolve/io.systemd.Resolve", reason: "nss-resolve asks systemd-resolved over it"),
      Mask(
        path: "/run/systemd/resolve/io.systemd.Resolve.Monitor",
        reason: "tells every name that others look up"),
      // Whoever starts processes outside for the asking.
      Mask(
        path: "/run/user/\(user)",
        reason: "session bus, systemd --user, Wayland, PipeWire, keyring, Podman, editors"),
      Mask(path: "/run/dbus", reason: "the system bus: systemd, NetworkManager, PackageKit"),
      Mask(path: "/tmp", reason: "a session bus without systemd", prefix: "dbus-"),
      Mask(path: "/run/systemd/private", reason: "systemd's own socket"),
      Mask(path: "/run/systemd", reason: "systemd's services, asked without a bus", prefix: "io.systemd."),
      Mask(path: "/run/docker.sock", reason: "the Docker engine starts containers in any network"),
      Mask(path: "/var/run/docker.sock", reason: "the same, where /var/run is a directory of its own"),
      Mask(path: "/mnt/wsl/docker-desktop", reason: "Docker Desktop's engine, in WSL"),
      Mask(path: "/run/podman", reason: "the Podman service"),
      Mask(path: "/run/containerd", reason: "the containerd service"),
      Mask(path: "/run/k3s", reason: "the containerd of k3s"),
      Mask(path: "/run/crio", reason: "the CRI-O service"),
      Mask(path: "/run/buildkit", reason: "the BuildKit service"),
      Mask(path: "/run/libvirt", reason: "virtual machines, in any network"),
      // These directories cannot be read by others, and so not followed.
      Mask(path: "/var/lib/lxd", reason: "LXD starts containers in any network"),
      Mask(path: "/var/snap/lxd/common/lxd", reason: "LXD, from the snap"),
      Mask(path: "/var/snap/lxd/common/lxd-user", reason: "LXD, from the snap, for every user"),
      Mask(path: "/var/lib/incus", reason: "Incus starts containers in any network"),
      Mask(path: "/nix/var/nix/daemon-socket", reason: "Nix fetches what it builds, in the host's network"),
      Mask(path: "/var/guix/daemon-socket", reason: "Guix does the same"),
      Mask(path: "/run/snapd.socket", reason: "snapd runs hooks outside"),
      Mask(path: "/run/snapd-snap.socket", reason: "snapd runs hooks outside"),
      Mask(path: "/run/watchman", reason: "watchman runs what it is given as a trigger"),
      Mask(path: "/usr/local/var/run/watchman", reason: "the same, where it was built from source"),
      Mask(path: "/run/WSL", reason: "WSL runs Windows programs, in the network of Windows"),
      // Whoever connects elsewhere for the asking.
      Mask(path: "/run/cups", reason: "CUPS asks a printer at any address, before it is one"),
      Mask(path: "/run/tailscale", reason: "tailscaled dials into the tailnet"),
      Mask(path: "/tmp", reason: "ssh: a shared connection leads on", prefix: "ssh_mux_"),
      // Databases: programs with a file system and a network of their own, and the users' data.
      Mask(path: "/run/postgresql", reason: "PostgreSQL: COPY FROM PROGRAM, dblink"),
      Mask(path: "/tmp", reason: "the same, by its own default", prefix: ".s.PGSQL."),
      Mask(path: "/run/mysqld", reason: "MariaDB and MySQL"),
      Mask(path: "/run/redis", reason: "Redis: REPLICAOF and MIGRATE connect to any address"),
      // Terminals that type for whoever asks.
      Mask(path: "/tmp/tmux-\(user)", reason: "tmux: send-keys runs commands outside", isMade: true),
      Mask(path: "/run/tmux", reason: "the same, where the distribution moves it"),
      Mask(path: "/run/screen", reason: "screen: -X stuff runs commands outside"),
      Mask(path: "/tmp/screens", reason: "the same, by an older default"),
      Mask(path: "/tmp/uscreens", reason: "the same, by an older default for users"),
      Mask(path: "/tmp/zellij-\(user)", reason: "zellij: action write runs commands outside"),
      // Displays: a client can type into any window.
      Mask(path: "/tmp/.X11-unix", reason: "the X server"),
      Mask(path: "/tmp/.ICE-unix", reason: "the X session manager"),
      Mask(path: "/mnt/wslg", reason: "WSL's displays"),
      // Browsers and editors: their sockets open files, terminals and URLs outside.
      Mask(
        path: "/tmp", reason: "Chromium opens a URL in the window that there is", prefix: ".org.chromium."),
      Mask(path: "/tmp", reason: "Chrome does the same", prefix: ".com.google.Chrome."),
      Mask(path: "/tmp", reason: "VS Code: code --command", prefix: "vscode-"),
      Mask(path: "/tmp", reason: "emacsclient --eval", prefix: "emacs\(user)"),
      Mask(path: "/tmp", reason: "Neovim: --server --remote-expr", prefix: "nvim."),
      // Claude's own background sessions, which would run in their starter's network.
      Mask(
        path: "/tmp/cc-daemon-\(user)", reason: "claude --bg asks a daemon there to run the session",
        isMade: true),
      Mask(path: "/tmp/cc-socks-\(user)", reason: "sockets of running sessions", isMade: true),
    ]
  }

  /// What programs keep in their user's home, which the command may arrange: sockets only.
  private static func below(_ home: String) -> [Mask] {
    [
      // Its agents sign, and lead nowhere: OpenSSH 10.1 and newer keep them there.
      Mask(
        path: "\(home)/.ssh", reason: "ssh: a shared connection (ControlPath) leads where its master went",
        socketsOnly: true, except: "agent"),
      Mask(path: "\(home)/.ansible/cp", reason: "Ansible's shared connections", socketsOnly: true),
      Mask(path: "\(home)/.docker/desktop", reason: "Docker Desktop's engine", socketsOnly: true),
      Mask(path: "\(home)/.docker/run", reason: "Docker Desktop's engine", socketsOnly: true),
      Mask(path: "\(home)/.rd", reason: "Rancher Desktop's engine", socketsOnly: true),
      Mask(path: "\(home)/.colima", reason: "Colima's engines", socketsOnly: true),
      Mask(path: "\(home)/.lima", reason: "Lima's virtual machines", socketsOnly: true),
      Mask(path: "\(home)/.pm2", reason: "pm2 runs what it is given", socketsOnly: true),
      Mask(
        path: "\(home)/.local/state/watchman", reason: "watchman runs what it is given as a trigger",
        socketsOnly: true),
      Mask(
        path: "\(home)/.local/share/code-server",
        reason: "code-server opens files in the window that there is",
        socketsOnly: true),
      Mask(
        path: "\(home)/.local/share/wezterm", reason: "wezterm: cli send-text runs commands outside",
        socketsOnly: true),
      Mask(
        path: "\(home)/.local/share/zed", reason: "Zed opens files in the window that there is",
        socketsOnly: true),
    ]
  }
}
