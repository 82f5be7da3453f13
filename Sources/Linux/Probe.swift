internal import CLinux
internal import Glibc

// What an attacker would try, one system call each. None of it does anything where it is not refused.

/// The symbolic name of an error number, e.g. `EPERM` (errno(3)).
public func errnoName(_ code: CInt) -> String {
  // SAFETY: a NUL-terminated constant of the C library, nil for a number without a name.
  guard let name = unsafe strerrorname_np(code) else { return "error \(code)" }
  return unsafe String(cString: name)
}

extension InternetSocket {
  /// By which link packets leave, past the routing table.
  public enum LinkChoice: Sendable, Hashable, CaseIterable {
    case routes
    /// SO_BINDTODEVICE (socket(7)); unprivileged since Linux 5.7.
    case boundToDevice
    /// IP_UNICAST_IF (ip(7)), IPV6_UNICAST_IF.
    case unicastInterface
    /// IP_PKTINFO, IPV6_PKTINFO on each datagram.
    case packetInfo
  }

  /// Chooses the link for all that the socket sends; `packetInfo` is chosen for each datagram instead.
  public func leave(by choice: LinkChoice, link: String, index: UInt32) throws(SystemCallError) {
    let isIPv6 = try localAddress().family == AF_INET6
    switch choice {
    case .routes, .packetInfo: break
    case .boundToDevice:
      try check("setsockopt", "SO_BINDTODEVICE") {
        // SAFETY: a NUL-terminated copy that outlives the call.
        unsafe setsockopt(
          descriptor.rawValue, SOL_SOCKET, CInt(CLINUX_SO_BINDTODEVICE), link, socklen_t(link.utf8.count + 1))
      }
    case .unicastInterface:
      try set(
        isIPv6 ? CInt(IPPROTO_IPV6) : CInt(IPPROTO_IP),
        isIPv6 ? CLINUX_IPV6_UNICAST_IF : CLINUX_IP_UNICAST_IF, CInt(bitPattern: index.bigEndian))
    }
  }

  /// Lets refusals by ICMP be told to a socket without a peer (IP_RECVERR), and datagrams go to everybody
  /// (SO_BROADCAST).
  public func expectRefusals() throws(SystemCallError) {
    let isIPv6 = try localAddress().family == AF_INET6
    try set(
      isIPv6 ? CInt(IPPROTO_IPV6) : CInt(IPPROTO_IP),
      isIPv6 ? CLINUX_IPV6_RECVERR : CLINUX_IP_RECVERR, 1)
    try check("setsockopt", "SO_BROADCAST") {
      var one: CInt = 1
      // SAFETY: one integer passed with its own size.
      return unsafe setsockopt(
        descriptor.rawValue, SOL_SOCKET, SO_BROADCAST, &one, socklen_t(MemoryLayout<CInt>.size))
    }
  }

  private func set(_ level: CInt, _ option: some BinaryInteger, _ value: CInt) throws(SystemCallError) {
    var value = value
    try check("setsockopt") {
      // SAFETY: one integer passed with its own size.
      unsafe setsockopt(
        descriptor.rawValue, level, CInt(option), &value, socklen_t(MemoryLayout<CInt>.size))
    }
  }

  /// Sends one datagram out of a link (IP_PKTINFO).
  public func send(_ bytes: [UInt8], to address: SocketAddress, byLink link: UInt32) throws(SystemCallError) {
    try check("sendmsg") {
      // SAFETY: the kernel reads each array's count of bytes.
      unsafe clinux_send_by_link(
        descriptor.rawValue, link, bytes, bytes.count, address.bytes, address.bytes.count)
    }
  }

  /// The error that has arrived for the socket since, and takes it away (SO_ERROR); 0 without one.
  public func pendingError() throws(SystemCallError) -> CInt {
    var code: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    // SAFETY: one integer passed with its own size.
    try check("getsockopt") { unsafe getsockopt(descriptor.rawValue, SOL_SOCKET, SO_ERROR, &code, &length) }
    return code
  }
}

/// A Unix stream socket, by path or by name in the abstract namespace (unix(7)).
public struct UnixSocket: ~Copyable {
  public let descriptor: FileDescriptor

  public enum Name: Sendable, Hashable {
    case path(String), abstract(String)

    fileprivate var text: String {
      switch self {
      case .path(let text), .abstract(let text): text
      }
    }
    fileprivate var isAbstract: CInt { if case .abstract = self { 1 } else { 0 } }
  }

  public init() throws(SystemCallError) {
    let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    descriptor = FileDescriptor(owning: try check("socket") { socket(AF_UNIX, type, 0) })
  }

  public func connect(to name: Name) throws(SystemCallError) {
    // SAFETY: a NUL-terminated copy that outlives the call.
    try check("connect", name.text) {
      unsafe clinux_unix_connect(descriptor.rawValue, name.text, name.isAbstract)
    }
  }

  public func listen(as name: Name) throws(SystemCallError) {
    // SAFETY: as above.
    try check("bind", name.text) {
      unsafe clinux_unix_bind(descriptor.rawValue, name.text, name.isAbstract)
    }
    try check("listen") { Glibc.listen(descriptor.rawValue, 4) }
  }

  /// Whether somebody has connected (accept4(2)); takes the connection.
  public func wasReached() -> Bool {
    let accepted = clinux_accept(descriptor.rawValue)
    if accepted >= 0 { close(accepted) }
    return accepted >= 0
  }
}

/// Things asked of the kernel to see whether it refuses them. Each returns the error number, 0 for success.
public enum Probe {
  /// socket(2).
  public static func socket(family: CInt, type: CInt, number: CInt) -> CInt {
    errno { Glibc.socket(family, type, number) }
  }

  /// A system call by name, with zeroes as arguments; nil when this architecture does not have it.
  public static func call(_ name: String) -> CInt? {
    do throws(SystemCallError) {
      return try SystemCallFilter.number(of: name).map { number in
        errno { clinux_bare_syscall(CLong(number)) }
      }
    } catch {
      return error.errno
    }
  }

  /// ioctl(2) without an argument.
  public static func ioctl(_ descriptor: CInt, _ request: UInt) -> CInt {
    errno { clinux_ioctl_null(descriptor, request) }
  }

  /// kill(2) with no signal: whether one could be sent.
  public static func signal(_ process: CInt) -> CInt { errno { kill(process, 0) } }

  /// open(2).
  public static func open(_ path: String, writing: Bool) -> CInt {
    // SAFETY: a NUL-terminated copy that outlives the call.
    errno { unsafe clinux_open(path, (writing ? O_WRONLY : O_RDONLY) | O_CLOEXEC, 0) }
  }

  /// ptrace(2), PTRACE_SEIZE: whether this process could be the other's tracer, which it then is until it ends.
  public static func seize(_ process: CInt) -> CInt { errno { clinux_seize(process) } }

  /// pidfd_getfd(2) of its standard input.
  public static func takeDescriptor(_ process: CInt) -> CInt { byDescriptor(process, clinux_take_descriptor) }

  /// setns(2) into its network namespace, in which this process then is.
  public static func joinNetwork(_ process: CInt) -> CInt { byDescriptor(process, clinux_join_network) }

  private static func byDescriptor(_ process: CInt, _ call: (CInt) -> CInt) -> CInt {
    do throws(SystemCallError) {
      let descriptor = try Process.descriptor(of: process)
      return errno { call(descriptor.rawValue) }
    } catch {
      return error.errno
    }
  }

  /// What a call answers that returns a descriptor, 0, or -1; the descriptor is closed.
  private static func errno<Result: SignedInteger>(_ call: () -> Result) -> CInt {
    let result = call()
    if result < 0 { return Glibc.errno }
    if result > 2 { close(CInt(result)) }
    return 0
  }
}
