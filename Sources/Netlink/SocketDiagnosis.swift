internal import CLinux
public import Linux

/// Asks which socket a packet came from, and whose it is (sock_diag(7)).
public struct SocketDiagnosis: ~Copyable {
  private var kernel: NetlinkSocket

  /// Takes a NETLINK_SOCK_DIAG socket, which sees the network namespace that it was opened in.
  public init(owning descriptor: consuming FileDescriptor) { kernel = NetlinkSocket(owning: descriptor) }

  /// A packet's ends, as its sender sees them.
  public struct Flow: Sendable, Hashable {
    /// In network byte order, 4 or 16 bytes each.
    public let source, destination: [UInt8]
    public let sourcePort, destinationPort: UInt16
    /// IPPROTO_TCP, IPPROTO_UDP or IPPROTO_UDPLITE.
    public let protocolNumber: UInt8
    /// The index of the link that it left by.
    public let link: UInt32

    public init(
      source: [UInt8], sourcePort: UInt16, destination: [UInt8], destinationPort: UInt16,
      protocolNumber: UInt8,
      link: UInt32
    ) {
      self.source = source
      self.sourcePort = sourcePort
      self.destination = destination
      self.destinationPort = destinationPort
      self.protocolNumber = protocolNumber
      self.link = link
    }
  }

  /// Opens a socket in this process's network namespace.
  public init() throws(SystemCallError) {
    kernel = try NetlinkSocket(owning: FileDescriptor(owning: NetlinkDescriptor(.socketDiagnosis).release()))
  }

  /// The inode of the socket that a packet came from; nil if there is none (any more), or the kernel cannot tell.
  public mutating func inode(of flow: Flow) throws -> UInt32? { try Self.inode(in: reply(flow)) }

  /// The user of the socket that a packet came from, as this process's user namespace counts; nil as above. A socket that its process
  /// has closed has no inode, and the kernel says 0 for its user: it has none.
  public mutating func user(of flow: Flow) throws -> UInt32? { try Self.user(in: reply(flow)) }

  private mutating func reply(_ flow: Flow) throws -> Reply? {
    guard let request = Self.request(flow) else { return nil }
    do {
      return try kernel.request(request, dump: false).first
    } catch is NetlinkError {
      return nil
    }
  }

  /// The local address of a socket that listens.
  public struct Listener: Sendable, Hashable {
    /// In network byte order, 4 or 16 bytes.
    public let address: [UInt8]
    public let port: UInt16

    public init(address: [UInt8], port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  /// All TCP sockets that listen.
  public mutating func listeners() throws -> [Listener] {
    try [AddressFamily.ipv4, .ipv6].flatMap { family in
      try kernel.request(Self.listRequest(family), dump: true).compactMap(Self.listener)
    }
  }

  /// struct inet_diag_req_v2, for a list. TCP_LISTEN of linux/tcp_states.h is the state of number 10.
  static func listRequest(_ family: AddressFamily) -> Message {
    let fixed = [family.rawValue, UInt8(IPPROTO_TCP), 0, 0] + Message.encoded(UInt32(1 << 10))
    return Message(
      type: Int(SOCK_DIAG_BY_FAMILY), flags: Int(NLM_F_DUMP), fixed: fixed + [UInt8](repeating: 0, count: 48))
  }

  /// struct inet_diag_msg: the family, then the ports and the addresses from its fifth byte on.
  static func listener(_ reply: Reply) -> Listener? {
    guard reply.type == Int(SOCK_DIAG_BY_FAMILY), reply.payload.count >= 72,
      let family = AddressFamily(rawValue: reply.payload[0])
    else { return nil }
    let port = UInt16(reply.payload[4]) << 8 | UInt16(reply.payload[5])
    return Listener(address: Array(reply.payload[8..<(family == .ipv4 ? 12 : 24)]), port: port)
  }

  /// struct inet_diag_req_v2 of linux/inet_diag.h, for one socket and not for a list.
  static func request(_ flow: Flow) -> Message? {
    guard let family = AddressFamily(bytes: flow.source), flow.destination.count == flow.source.count else {
      return nil
    }
    let own = port(flow.sourcePort), other = port(flow.destinationPort)
    let ownAddress = address(flow.source), otherAddress = address(flow.destination)
    var fixed = [family.rawValue, flow.protocolNumber, 0, 0] + Message.encoded(UInt32.max)
    // UDP is looked up as if the packet came in: source and destination are the other way round (udp_dump_one in the kernel).
    if flow.protocolNumber == UInt8(IPPROTO_TCP) {
      fixed += own + other + ownAddress + otherAddress
    } else {
      fixed += other + own + otherAddress + ownAddress
    }
    // INET_DIAG_NOCOOKIE
    fixed += Message.encoded(flow.link) + Message.encoded(UInt64.max)
    return Message(type: Int(SOCK_DIAG_BY_FAMILY), flags: 0, fixed: fixed)
  }

  /// struct inet_diag_msg.
  static func inode(in reply: Reply?) -> UInt32? {
    guard let reply, reply.type == Int(SOCK_DIAG_BY_FAMILY) else { return nil }
    // A socket that no descriptor refers to has none.
    return ByteReader(reply.payload[...]).number(UInt32.self, at: 68).flatMap { $0 == 0 ? nil : $0 }
  }

  static func user(in reply: Reply?) -> UInt32? {
    guard let reply, inode(in: reply) != nil else { return nil }
    return ByteReader(reply.payload[...]).number(UInt32.self, at: 64)
  }

  private static func port(_ number: UInt16) -> [UInt8] { [UInt8(number >> 8), UInt8(number & 0xff)] }
  private static func address(_ bytes: [UInt8]) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
  }
}
