import Linux
import Policy
import Record
import Testing

@testable import Jail
@testable import Netlink

@Suite struct SenderSearchTests {
  /// As the kernel writes it (ping_v4_format_sock), with an identifier that is part of another's, and hostile lines.
  @Test func echoSockets() {
    let text = Array(
      """
        sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
         9: 020000C0:0109 0601140A:0000 01 00000000:00000000 00:00000000 00000000  1000        0 4711 2 0000000000000000 0
        10: 00000000:0009 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 815 2 0000000000000000 0
        11: 00000000:000A 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 0 2 0000000000000000 0
        12: 00000000:000B x
      zz
      """.utf8)
    #expect(EchoSockets.inode(of: 0x109, in: text) == 4711)
    #expect(EchoSockets.inode(of: 9, in: text) == 815)
    for identifier in [0, 1, 10, 11] as [UInt16] {
      #expect(EchoSockets.inode(of: identifier, in: text) == nil)
    }
    #expect(EchoSockets.inode(of: 9, in: []) == nil)
  }

  /// A program names itself as it likes.
  @Test(
    arguments: [
      ("77 (node) S 12 77 1 0", "node", 12), ("77 (a) R 1 (b)) S 12 1", "a) R 1 (b)", 12),
      ("77 (\n\u{1b}[31m) S 12 1", "\n\u{1b}[31m", 12), ("77 () S 12 1", "", 12),
      ("77 (a name that is too long) S 12 1", "a name that is ", 12),
    ] as [(String, String, CInt)])
  func program(_ stat: String, _ name: String, _ parent: CInt) throws {
    let found = try #require(ProcessSearch.program(77, stat: Array(stat.utf8)))
    #expect(found.0 == RefusedPacket.Program(process: 77, name: name))
    #expect(found.parent == parent)
  }

  @Test(arguments: ["", "77", "77 (a", "77 a) S 12", ")(", "77 (a)", "77 (a) S x"])
  func noProgram(_ stat: String) { #expect(ProcessSearch.program(77, stat: Array(stat.utf8)) == nil) }

  /// An IPv4 packet from one loopback port to another.
  private static func packet(_ number: UInt8, from source: UInt16, to destination: UInt16) -> [UInt8] {
    [0x45, 0, 0, 40, 0, 0, 0, 0, 64, number, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]
      + [UInt8(source >> 8), UInt8(source & 255), UInt8(destination >> 8), UInt8(destination & 255)]
      + [UInt8](repeating: 0, count: 16)
  }

  private static func search(below root: CInt, except others: Set<CInt> = []) throws -> SenderSearch {
    let diagnosis = FileDescriptor(owning: try NetlinkDescriptor(.socketDiagnosis).release())
    return SenderSearch(
      RefusalSockets(tun: nil, diagnosis: diagnosis, echoes4: nil, echoes6: nil), command: Process.id,
      except: others, below: root)
  }

  /// This process has the socket, as a child of another.
  @Test(arguments: [InternetSocket.Kind.datagram, .stream])
  func aProcessIsFound(_ kind: InternetSocket.Kind) throws {
    let any = try #require(SocketAddress([127, 0, 0, 1], port: 0))
    let peer = try InternetSocket(kind, for: any)
    try peer.bind(to: any)
    if kind == .stream { try peer.listen(backlog: 1) }
    let socket = try InternetSocket(kind, for: any)
    try socket.bind(to: any)
    try socket.connect(to: peer.localAddress())
    let packet = Self.packet(
      kind == .stream ? 6 : 17, from: try socket.localAddress().port, to: try peer.localAddress().port)
    let header = try #require(RefusedHeader(packet))
    let search = try Self.search(below: Process.parent)
    for _ in 0..<2 {
      guard case .process(let program, let parents) = search.sender(of: packet, header, link: 1) else {
        Issue.record("not found")
        return
      }
      #expect(program.process == Process.id && parents.isEmpty)
    }
    // Whoever is not of the jail is not looked at.
    let other = try Self.search(below: Process.id)
    #expect(other.sender(of: packet, header, link: 1) == .gone)
    #expect(try socket.localAddress().port != 0)
  }

  /// A process may have any number of threads.
  @Test func whoseChildrenTakeTooLong() throws {
    #expect(try Descendants.ofAllThreads(of: Process.parent, until: .max).contains(Process.id))
    #expect { try Descendants.ofAllThreads(of: Process.parent, until: 0) } throws: {
      ($0 as? SystemCallError)?.errno == Errno.ETIME
    }
  }

  @Test func whatCannotBeTold() throws {
    let search = try Self.search(below: Process.id)
    let sctp = Self.packet(132, from: 1, to: 2)
    #expect(search.sender(of: sctp, try #require(RefusedHeader(sctp)), link: 1) == .unknown)
    let gone = Self.packet(17, from: 1, to: 2)
    #expect(search.sender(of: gone, try #require(RefusedHeader(gone)), link: 1) == .gone)
    let blind = SenderSearch(
      RefusalSockets(tun: nil, diagnosis: nil, echoes4: nil, echoes6: nil), command: 1, except: [])
    #expect(blind.sender(of: gone, try #require(RefusedHeader(gone)), link: 1) == .unknown)
  }
}
