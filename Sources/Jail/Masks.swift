import Linux

/// What the command shall not find in the file system, because whoever answers there lives outside the jail:
/// a Unix socket crosses network namespaces, and a read-only mount does not stop connect(2). One row each,
/// with its reason.
struct Masks {
  /// A row of the table.
  struct Mask {
    let path: String
    let reason: String
    /// Everything in the directory whose name begins so, in place of the path itself.
    var prefix: String?
    /// A directory that is made where it is missing: programs in the jail may use one of their own, which then
    /// is in the jail from the start, and not something that appears later.
    var isMade = false
  }

  private let user: UInt32
  private let exposed: [String]

  /// `exposed` are the sockets that the administrator leaves visible.
  init(user: UInt32, exposed: [String]) {
    self.user = user
    self.exposed = exposed
  }

  var table: [Mask] {
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
      Mask(path: "/run/systemd/private", reason: "systemd's own socket"),
      Mask(path: "/run/docker.sock", reason: "the Docker engine starts containers in any network"),
      Mask(path: "/var/run/docker.sock", reason: "the same, where /var/run is a directory of its own"),
      Mask(path: "/run/podman", reason: "the Podman service"),
      Mask(path: "/run/containerd", reason: "the containerd service"),
      Mask(path: "/run/crio", reason: "the CRI-O service"),
      Mask(path: "/run/buildkit", reason: "the BuildKit service"),
      Mask(path: "/run/libvirt", reason: "virtual machines, in any network"),
      Mask(path: "/run/snapd.socket", reason: "snapd runs hooks outside"),
      Mask(path: "/run/snapd-snap.socket", reason: "snapd runs hooks outside"),
      // Terminals that type for whoever asks.
      Mask(path: "/tmp/tmux-\(user)", reason: "tmux: send-keys runs commands outside", isMade: true),
      Mask(path: "/run/tmux", reason: "the same, where the distribution moves it"),
      Mask(path: "/run/screen", reason: "screen: -X stuff runs commands outside"),
      Mask(path: "/tmp", reason: "the same, by an older default", prefix: "screens"),
      // Displays: a client can type into any window.
      Mask(path: "/tmp/.X11-unix", reason: "the X server"),
      Mask(path: "/tmp/.ICE-unix", reason: "the X session manager"),
      // Editors: their sockets open files, terminals and URLs outside.
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

  /// The directories in which what is to be masked may appear.
  var directories: [String] {
    table.map { $0.prefix == nil ? $0.path.parentDirectory : $0.path }
  }

  /// Whether a name that appeared in one of them may be one to mask, or a directory on the way to it.
  func concern(_ name: String) -> Bool {
    table.contains { mask in
      mask.prefix.map(name.hasPrefix) ?? mask.path.split(separator: "/").dropFirst().contains { $0 == name }
    }
  }

  /// The paths that are there to be masked, each once.
  private func present() throws -> [String] {
    // Each is listed once: /tmp may hold thousands.
    var listings: [String: [String]] = [:]
    for directory in Set(table.filter { $0.prefix != nil }.map(\.path)) {
      listings[directory] = try unlessGone { () throws(SystemCallError) in try FileStatus.names(in: directory)
      }
    }
    var paths: [String] = []
    for mask in table {
      var candidates = [mask.path]
      if let prefix = mask.prefix {
        candidates = (listings[mask.path] ?? []).filter { $0.hasPrefix(prefix) }.map { "\(mask.path)/\($0)" }
      }
      for candidate in candidates {
        guard let path = try unlessGone({ () throws(SystemCallError) in try target(of: candidate) }) ?? nil
        else { continue }
        if !paths.contains(path) && !exposed.contains(path) { paths.append(path) }
      }
    }
    return paths
  }

  /// What a path names; nil if it is a link in a directory where anyone writes: that is somebody's wish to have
  /// something else masked.
  private func target(of path: String) throws(SystemCallError) -> String? {
    let status = try FileStatus.ofLink(path)
    let isShared = try FileStatus.of(path.parentDirectory).permissions & 0o002 != 0
    return isShared && status.kind == .symbolicLink ? nil : try FileStatus.resolve(path)
  }

  /// Of what is there to be masked, what is not.
  func uncovered() throws -> [String] {
    let covered = try Mounts.ownPoints()
    return try present().filter { path in
      !covered.contains(path) && (try? FileStatus.of(path))?.kind != .characterDevice
    }
  }

  /// What does not exist, or cannot be entered, needs no mask: nil.
  private func unlessGone<Result>(_ look: () throws(SystemCallError) -> Result) throws -> Result? {
    do throws(SystemCallError) {
      return try look()
    } catch {
      if [Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES].contains(error.errno) { return nil }
      throw error
    }
  }

  /// Covers each directory with an empty one and anything else with /dev/null, unless it is covered, and puts
  /// the exposed sockets back. What is covered now.
  @discardableResult
  func install() throws -> [String] {
    for mask in table where mask.isMade { FileStatus.makePrivateDirectory(mask.path) }
    let kept = exposed.compactMap { try? Exposed($0) }
    let covered = try Mounts.ownPoints()
    let paths = try present()
    for path in paths {
      guard let status = try? FileStatus.of(path) else { continue }
      switch status.kind {
      case .directory: if !covered.contains(path) { try Mounts.tmpfs(over: path, mode: "0700") }
      case .characterDevice: continue
      default: try Mounts.bind("/dev/null", over: path)
      }
    }
    for socket in kept { try socket.restore() }
    return paths
  }

  /// A socket that was taken aside before the masks.
  private final class Exposed {
    private let path: String
    private let mount: FileDescriptor

    init(_ path: String) throws {
      self.path = path
      mount = try Mounts.clone(path)
    }

    func restore() throws {
      try FileStatus.makeFile(path)
      try Mounts.attach(mount, at: path)
    }
  }
}
