internal import CLinux
internal import Glibc

extension PacketSocket {
  /// Takes a packet socket that was opened elsewhere.
  public init(owning descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

  /// The next frame, cut at the buffer's count, and whether this machine sent it through the link
  /// (PACKET_OUTGOING); nil when there is none.
  public func receive(
    into buffer: inout [UInt8]
  ) throws(SystemCallError) -> (count: Int, isOutgoing: Bool)? {
    var link = sockaddr_ll()
    do throws(SystemCallError) {
      let count = try check("recvfrom", "AF_PACKET") {
        var length = MemoryLayout<sockaddr_ll>.size
        // SAFETY: the kernel writes at most the array's count of bytes, and one sockaddr_ll.
        return unsafe clinux_recvfrom(descriptor.rawValue, &buffer, buffer.count, &link, &length)
      }
      return (count, CInt(link.sll_pkttype) == PACKET_OUTGOING)
    } catch {
      if error.errno == EAGAIN { return nil }
      throw error
    }
  }
}
