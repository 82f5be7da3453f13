internal import CLinux
public import Linux

/// A refusal by the kernel of one rtnetlink request: errno and, where it gives one, its own text
/// (NETLINK_EXT_ACK).
public struct NetlinkError: Error, Equatable, CustomStringConvertible {
  public let errno: CInt
  public let text: String?
  /// Which message of the batch was refused, from 0.
  public let index: Int

  public init(errno: CInt, text: String?, index: Int) {
    self.errno = errno
    self.text = text
    self.index = index
  }

  public var description: String {
    text.map { "\(errnoText(errno)) (\($0))" } ?? errnoText(errno)
  }
}

/// Requests to the kernel's routing family, answered in order (rtnetlink(7)).
public struct NetlinkSocket: ~Copyable {
  private let kernel: NetlinkDescriptor
  private var sequence: UInt32 = 1
  private var buffer = [UInt8](repeating: 0, count: 65536)

  /// Opens a socket in this process's network namespace; it stays there whoever uses it.
  public init() throws(SystemCallError) { kernel = try NetlinkDescriptor() }

  /// Takes a socket that was opened elsewhere.
  public init(owning descriptor: consuming FileDescriptor) {
    kernel = NetlinkDescriptor(owning: descriptor)
  }

  public var descriptor: CInt { kernel.descriptor.rawValue }

  /// Applies all messages in as few datagrams as the socket's buffer allows. The kernel answers the last of
  /// each datagram, and every one that it refuses; the first refusal is thrown after all answers have been
  /// read.
  public mutating func apply(_ messages: [Message]) throws {
    var refused: NetlinkError?
    var start = 0
    while start < messages.count {
      var datagram: [UInt8] = []
      let first = sequence
      var end = start
      // A quarter of the default socket buffer (net.core.wmem_default).
      while end < messages.count, datagram.count + messages[end].bytes.count <= 49_152 {
        var message = messages[end]
        let last =
          end + 1 == messages.count
          || datagram.count + message.bytes.count + messages[end + 1].bytes.count > 49_152
        message.stamp(sequence: sequence, acknowledge: last)
        sequence &+= 1
        datagram += message.bytes
        end += 1
      }
      try kernel.send(datagram)
      let lastSequence = sequence &- 1
      var done = false
      while !done {
        for reply in try receive() where reply.type == NLMSG_ERROR {
          guard reply.sequence &- first < UInt32(end - start) else {
            throw SystemCallError("recvfrom", "netlink sequence", errno: EPROTO)
          }
          let error = try Self.error(in: reply, index: start + Int(reply.sequence &- first))
          if let error, refused == nil { refused = error }
          if reply.sequence == lastSequence { done = true }
        }
      }
      start = end
    }
    if let refused { throw refused }
  }

  /// Asks for a list (NLM_F_DUMP) or one object, and returns all messages of the answer.
  public mutating func request(_ message: Message, dump: Bool) throws -> [Reply] {
    var message = message
    message.stamp(sequence: sequence, acknowledge: false)
    let expected = sequence
    sequence &+= 1
    try kernel.send(message.bytes)
    var replies: [Reply] = []
    while true {
      for reply in try receive() {
        guard reply.sequence == expected else {
          throw SystemCallError("recvfrom", "netlink sequence", errno: EPROTO)
        }
        if reply.flags & Int(NLM_F_DUMP_INTR) != 0 {
          throw SystemCallError("recvfrom", "netlink dump", errno: EINTR)
        }
        switch reply.type {
        case Int(NLMSG_DONE): return replies
        case Int(NLMSG_ERROR):
          if let error = try Self.error(in: reply, index: 0) { throw error }
          return replies
        default:
          replies.append(reply)
          if !dump { return replies }
        }
      }
    }
  }

  private mutating func receive() throws -> [Reply] {
    let count = try kernel.receive(into: &buffer)
    guard let replies = Reply.split(buffer[..<count]) else {
      throw SystemCallError("recvfrom", "netlink message", errno: EPROTO)
    }
    return replies
  }

  private static func error(in reply: Reply, index: Int) throws(SystemCallError) -> NetlinkError? {
    let reader = ByteReader(reply.payload[...])
    // MAX_ERRNO of linux/err.h.
    guard let code = reader.number(Int32.self, at: 0), (-4095...0).contains(code) else {
      throw SystemCallError("recvfrom", "netlink error", errno: EPROTO)
    }
    if code == 0 { return nil }
    var text: String?
    // NLM_F_ACK_TLVS; with NETLINK_CAP_ACK only the header of the request (16 bytes) is quoted before the
    // attributes.
    if reply.flags & 0x200 != 0, let bytes = reply.attributes(after: 20)?[Int(NLMSGERR_ATTR_MSG.rawValue)] {
      text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    return NetlinkError(errno: -code, text: text, index: index)
  }
}
