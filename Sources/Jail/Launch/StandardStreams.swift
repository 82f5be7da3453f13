import Linux

/// What the command may inherit as standard input, output and error. Everything else that was open is closed.
///
/// A socket remembers the network namespace in which it was made: `connect(2)` with AF_UNSPEC, then with any
/// address, and it leaves by the host's network. A directory reaches past the covers, and a file past the read-only
/// mounts. A tap is a link of the host.
enum StandardStreams {
  private static let unix: CInt = 1
  private static let stream: CInt = 1
  /// /dev/null, zero, full, random.
  private static let memoryDevices: UInt32 = 1

  /// Throws unless each is a file, a pipe, a terminal, or a connected Unix stream socket, as editors use them.
  static func check() throws(LaunchFailure) {
    for descriptor in 0..<3 as Range<CInt> {
      let found: String?
      do throws(SystemCallError) {
        found = try objection(to: descriptor)
      } catch {
        found = "\(error)"
      }
      if let found { throw .standardStream(descriptor, found) }
    }
  }

  static func objection(to descriptor: CInt) throws(SystemCallError) -> String? {
    let status = try FileStatus.of("/proc/self/fd/\(descriptor)")
    switch status.kind {
    case .regular:
      return try TrustAnchors.holds(descriptor)
        ? "a file that is read-only in a jail, and could be written to by this descriptor" : nil
    case .pipe: return nil
    case .characterDevice:
      return status.deviceMajor == memoryDevices || Process.isTerminal(descriptor) ? nil : "a device"
    case .socket:
      let (domain, type) = try Process.socketKind(of: descriptor)
      if domain != unix { return "a socket of the host's network (address family \(domain))" }
      if type != stream { return "a Unix socket that can send elsewhere (type \(type))" }
      // One that is not connected yet can be, to any path that has been opened; one that listens lets others in.
      return Process.isConnected(descriptor) ? nil : "a Unix socket that is not connected"
    case .directory: return "a directory"
    case .symbolicLink, .other: return "not a file, pipe, terminal or Unix stream socket"
    }
  }
}
