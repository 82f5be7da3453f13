internal import Linux

/// The two sockets on which the jail's DNS server is asked. Opened in the jail's network namespace, served
/// from outside.
struct DNSListeners: ~Copyable {
  let udp: InternetSocket
  let tcp: InternetSocket

  /// What the jail's resolv.conf names.
  static let address: [UInt8] = [127, 0, 0, 53]
  static let port: UInt16 = 53

  /// Binds both; below port 1024 this needs CAP_NET_BIND_SERVICE in the network namespace.
  init(address: [UInt8] = Self.address, port: UInt16 = Self.port) throws(SystemCallError) {
    guard let address = SocketAddress(address, port: port) else {
      throw SystemCallError("bind", "DNS", errno: Errno.EINVAL)
    }
    let stream = try InternetSocket(.stream, for: address)
    try stream.bind(to: address)
    try stream.listen(backlog: 64)
    let datagram = try InternetSocket(.datagram, for: address)
    // Where port 0 lets the kernel choose, both get the same.
    try datagram.bind(to: try stream.localAddress())
    udp = datagram
    tcp = stream
  }
}
