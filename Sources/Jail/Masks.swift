import Linux

/// What the command shall not find in the file system, because whoever answers there lives outside the jail. One row each, with its reason.
enum Masks {
  private struct Mask {
    let path: String
    let reason: String
  }

  /// Each of these would resolve names, or reach hosts, behind the jail's back.
  private static let all = [
    Mask(path: "/run/nscd", reason: "the C library asks nscd(8) before resolv.conf"),
    Mask(path: "/var/run/nscd", reason: "the same, where /var/run is a directory of its own"),
    Mask(
      path: "/run/avahi-daemon", reason: "nss-mdns resolves through it, with multicast in the host's network"),
    Mask(
      path: "/run/systemd/resolve/io.systemd.Resolve", reason: "nss-resolve asks systemd-resolved over it"),
    Mask(
      path: "/run/systemd/resolve/io.systemd.Resolve.Monitor", reason: "tells every name that others look up"),
  ]

  /// Covers a directory with an empty one and anything else with /dev/null. What does not exist needs no mask.
  static func install() throws {
    for mask in all {
      let status: FileStatus
      do throws(SystemCallError) {
        status = try FileStatus.of(mask.path)
      } catch {
        if error.errno == Errno.ENOENT || error.errno == Errno.ENOTDIR { continue }
        throw error
      }
      if status.kind == .directory {
        try Mounts.tmpfs(over: mask.path, mode: "0555")
      } else {
        try Mounts.bind("/dev/null", over: mask.path)
      }
    }
  }
}
