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
