internal import CLinux
internal import Glibc

/// One instruction of classic BPF, laid out as struct sock_filter (linux/filter.h).
public struct FilterInstruction: Sendable {
  let raw: sock_filter

  /// `k` is the operand; `jumpTrue` and `jumpFalse` are relative to the next instruction.
  public init(code: UInt16, jumpTrue: UInt8, jumpFalse: UInt8, k: UInt32) {
    raw = sock_filter(code: code, jt: jumpTrue, jf: jumpFalse, k: k)
  }
}

/// A tap: an Ethernet link whose other end is this descriptor (Documentation/networking/tuntap.rst).
public struct Tap: ~Copyable {
  public let descriptor: FileDescriptor

  /// Creates a tap link in the network namespace of this process (TUNSETIFF; needs CAP_NET_ADMIN there).
  /// It stays when its last descriptor is closed, and goes with the namespace: taking a link away waits for
  /// RCU grace periods, which the kernel then does on its own time, not on that of the process that closes
  /// last.
  public static func create(named name: String) throws(SystemCallError) -> Tap {
    // The device belongs to the namespace in which it was opened, not to that of the ioctl.
    let descriptor = try FileDescriptor.open("/dev/net/tun", O_RDWR | O_NONBLOCK)
    try check("ioctl", "TUNSETIFF") {
      // SAFETY: the name is copied, and cut at IFNAMSIZ, into a request on the shim's stack.
      unsafe clinux_tunsetiff(descriptor.rawValue, name, 1)
    }
    try check("ioctl", "TUNSETPERSIST") { clinux_tunsetpersist(descriptor.rawValue) }
    return Tap(owning: descriptor)
  }

  public init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// Lets only those frames out of the link that the program accepts (TUNATTACHFILTER). Replaces a former
  /// program in one step; needs no capability. EINVAL when the kernel rejects the program.
  public func attach(_ program: [FilterInstruction]) throws(SystemCallError) {
    var instructions = program.map(\.raw)
    try check("ioctl", "TUNATTACHFILTER") {
      // SAFETY: the kernel copies the array's count of instructions.
      unsafe clinux_tunattachfilter(descriptor.rawValue, &instructions, UInt16(program.count))
    }
  }
}

/// A tun: a link of IP packets whose other end is this descriptor (Documentation/networking/tuntap.rst).
public enum Tun {
  /// Creates a tun link in the network namespace of this process (TUNSETIFF; needs CAP_NET_ADMIN there). It goes when its last
  /// descriptor is closed, and the routes through it with it. Non-blocking.
  public static func create(named name: String) throws(SystemCallError) -> FileDescriptor {
    let descriptor = try FileDescriptor.open("/dev/net/tun", O_RDWR | O_NONBLOCK)
    try check("ioctl", "TUNSETIFF") {
      // SAFETY: as above.
      unsafe clinux_tunsetiff(descriptor.rawValue, name, 0)
    }
    return descriptor
  }
}

/// A packet socket that sees the frames of one link which a program selects (packet(7)).
public struct PacketSocket: ~Copyable {
  public let descriptor: FileDescriptor

  /// Gives up the descriptor, which stays open.
  public consuming func release() -> CInt { descriptor.release() }

  /// Opens the socket on a link of this network namespace; needs CAP_NET_RAW there. Non-blocking.
  public init(link: CInt, program: [FilterInstruction]) throws(SystemCallError) {
    // Protocol 0 receives nothing until bind(2): the program is there before the first frame.
    let type = CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let descriptor = FileDescriptor(
      owning: try check("socket", "AF_PACKET") { socket(AF_PACKET, type, 0) })
    try Self.attach(program, to: descriptor.rawValue)
    var address = sockaddr_ll()
    address.sll_family = UInt16(AF_PACKET)
    address.sll_protocol = UInt16(ETH_P_ALL).bigEndian
    address.sll_ifindex = link
    try check("bind", "AF_PACKET") {
      // SAFETY: a sockaddr_ll passed with its own size.
      unsafe withUnsafeBytes(of: &address) {
        unsafe bind(
          descriptor.rawValue, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
      }
    }
    self.descriptor = descriptor
  }

  /// Replaces the program (SO_ATTACH_FILTER, socket(7)). EINVAL when the kernel rejects it.
  public func attach(_ program: [FilterInstruction]) throws(SystemCallError) {
    try Self.attach(program, to: descriptor.rawValue)
  }

  static func attach(_ program: [FilterInstruction], to descriptor: CInt) throws(SystemCallError) {
    var instructions = program.map(\.raw)
    try check("setsockopt", "SO_ATTACH_FILTER") {
      // SAFETY: the kernel copies the array's count of instructions.
      unsafe clinux_so_attach_filter(descriptor, &instructions, UInt16(program.count))
    }
  }
}
