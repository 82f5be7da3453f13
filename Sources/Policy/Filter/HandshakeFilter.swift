/// The two programs between which a handshake to a name waits: one shows the first packet of each, and nothing that follows; the other
/// keeps it from whoever would answer it, until it is written again.
public enum HandshakeFilter {
  /// For a packet socket on an Ethernet link: what comes to an address of the pool and either asks for a TCP connection or is not TCP.
  ///
  /// A header with options is not looked behind, and not taken. Of a datagram in fragments the first one says whose it is; a
  /// handshake has none.
  public static func asked(of pool: Prefix) -> FilterProgram {
    var assembler = Assembler()
    let take = assembler.result(FilterProgram.take)
    let drop = assembler.result(FilterProgram.drop)
    let flags = isRequest(at: Offset.flags, yes: take, no: drop, &assembler)
    let whole = unless(Mask.fragment, then: flags, drop: drop, &assembler)
    let first = unless(Mask.fragmentOffset, then: take, drop: drop, &assembler)
    let transport = assembler.branch(Opcode.jumpEqual, tcp, yes: whole, no: first)
    let readTransport = assembler.step(Opcode.loadByte, Offset.transport, then: transport)
    let mask = UInt32.max << UInt32(pool.family.bits - pool.length)
    let network = assembler.branch(
      Opcode.jumpEqual, UInt32(truncatingIfNeeded: pool.first), yes: readTransport, no: drop)
    let masked = assembler.step(Opcode.and, mask, then: network)
    let destination = assembler.step(Opcode.loadWord, Offset.destination, then: masked)
    let header = assembler.branch(Opcode.jumpEqual, plainHeader, yes: destination, no: drop)
    let readHeader = assembler.step(Opcode.loadByte, Offset.header, then: header)
    let type = assembler.branch(Opcode.jumpEqual, ipv4, yes: readHeader, no: drop)
    _ = assembler.step(Opcode.loadHalf, Offset.etherType, then: type)
    return FilterProgram(instructions: assembler.instructions)
  }

  /// For a listening TCP socket, whose packets begin with the TCP header: what asks for a connection has to come by this link. Who
  /// sends a packet does not choose the link that the kernel received it by.
  public static func requests(onlyBy link: UInt32) -> FilterProgram {
    var assembler = Assembler()
    let accept = assembler.result(FilterProgram.accept)
    let drop = assembler.result(FilterProgram.drop)
    let isThere = assembler.branch(Opcode.jumpEqual, link, yes: accept, no: drop)
    let origin = assembler.step(Opcode.loadWord, receivingLink, then: isThere)
    _ = isRequest(at: Offset.segmentFlags, yes: origin, no: accept, &assembler)
    return FilterProgram(instructions: assembler.instructions)
  }

  /// SYN, but not SYN and ACK.
  private static func isRequest(
    at offset: UInt32, yes: Assembler.Label, no: Assembler.Label, _ assembler: inout Assembler
  ) -> Assembler.Label {
    let decide = assembler.branch(Opcode.jumpEqual, Mask.synchronize, yes: yes, no: no)
    let masked = assembler.step(Opcode.and, Mask.synchronizeAndAcknowledge, then: decide)
    return assembler.step(Opcode.loadByte, offset, then: masked)
  }

  private static func unless(
    _ bits: UInt32, then next: Assembler.Label, drop: Assembler.Label, _ assembler: inout Assembler
  ) -> Assembler.Label {
    let decide = assembler.branch(Opcode.jumpAnySet, bits, yes: drop, no: next)
    return assembler.step(Opcode.loadHalf, Offset.fragment, then: decide)
  }

  private static let ipv4: UInt32 = 0x0800
  /// Version 4, five words.
  private static let plainHeader: UInt32 = 0x45
  private static let tcp: UInt32 = 6
  /// SKF_AD_OFF + SKF_AD_IFINDEX (linux/filter.h).
  private static let receivingLink: UInt32 = 0xffff_f000 + 8

  /// In bytes: in a frame, and in a segment.
  private enum Offset {
    static let etherType: UInt32 = 12
    static let header: UInt32 = 14
    static let fragment: UInt32 = 20
    static let transport: UInt32 = 23
    static let destination: UInt32 = 30
    static let flags: UInt32 = 47
    static let segmentFlags: UInt32 = 13
  }

  private enum Mask {
    static let synchronize: UInt32 = 0x02
    static let synchronizeAndAcknowledge: UInt32 = 0x12
    static let fragmentOffset: UInt32 = 0x1fff
    /// The offset, and "more fragments".
    static let fragment: UInt32 = 0x3fff
  }
}
