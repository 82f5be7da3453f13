internal import CLinux
internal import Glibc

extension InternetSocket {
  /// Makes a stream socket accept connections to a port of whatever IPv4 address they were meant for (IP_TRANSPARENT, ip(7)), which
  /// needs CAP_NET_RAW or CAP_NET_ADMIN in its network namespace. The program selects the packets that it takes; connections that
  /// come of it keep the program.
  public func listenTransparently(
    port: UInt16, program: [FilterInstruction], backlog: CInt
  ) throws(SystemCallError) {
    // The program is there before the first packet.
    try PacketSocket.attach(program, to: descriptor.rawValue)
    for (level, option) in [(SOL_SOCKET, SO_REUSEADDR), (CInt(IPPROTO_IP), IP_TRANSPARENT)] {
      var one: CInt = 1
      try check("setsockopt", option == IP_TRANSPARENT ? "IP_TRANSPARENT" : "SO_REUSEADDR") {
        // SAFETY: one integer passed with its own size.
        unsafe setsockopt(descriptor.rawValue, level, option, &one, socklen_t(MemoryLayout<CInt>.size))
      }
    }
    guard let any = SocketAddress([0, 0, 0, 0], port: port) else {
      throw SystemCallError("bind", errno: EAFNOSUPPORT)
    }
    try bind(to: any)
    try listen(backlog: backlog)
  }

  /// What became of connect(2): nil while it goes on, otherwise its error number, which is 0 where the socket is connected to this
  /// very address (SO_ERROR, socket(7); getpeername(2)).
  public func connectResult(_ wanted: SocketAddress) throws(SystemCallError) -> CInt? {
    var error: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    try check("getsockopt", "SO_ERROR") {
      // SAFETY: the kernel writes one integer.
      unsafe getsockopt(descriptor.rawValue, SOL_SOCKET, SO_ERROR, &error, &length)
    }
    if error != 0 { return error }
    var bytes = [UInt8](repeating: 0, count: 28)
    var room = bytes.count
    do throws(SystemCallError) {
      // SAFETY: the kernel writes at most the array's count of bytes.
      try check("getpeername") { unsafe clinux_getpeername(descriptor.rawValue, &bytes, &room) }
    } catch {
      if error.errno == ENOTCONN { return nil }
      throw error
    }
    return SocketAddress(struct: Array(bytes.prefix(room))) == wanted ? 0 : EPROTO
  }
}
