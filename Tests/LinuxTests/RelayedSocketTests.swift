import Glibc
import Testing

@testable import Linux

/// What a relay asks of its sockets.
struct RelayedSocketTests {
  private static func address(_ port: UInt16 = 0) throws -> SocketAddress {
    try #require(SocketAddress([127, 0, 0, 1], port: port))
  }

  private static func option(_ socket: borrowing InternetSocket, _ level: CInt, _ name: CInt) -> CInt {
    var value: CInt = -1
    var length = socklen_t(MemoryLayout<CInt>.size)
    // SAFETY: one integer passed with its own size.
    _ = unsafe getsockopt(socket.descriptor.rawValue, level, name, &value, &length)
    return value
  }

  private static func options(_ socket: borrowing InternetSocket) -> [CInt] {
    [
      option(socket, CInt(IPPROTO_TCP), TCP_NODELAY), option(socket, SOL_SOCKET, SO_KEEPALIVE),
      option(socket, CInt(IPPROTO_TCP), TCP_KEEPIDLE),
    ]
  }

  /// The listener's options are those of its connections, whose peers' addresses are known.
  @Test func aListenerIsPreparedForAllThatItAccepts() throws {
    let listener = try InternetSocket(.stream, for: Self.address())
    try listener.bind(to: Self.address())
    try listener.listen(backlog: 1)
    let nobody = try listener.acceptWithPeer() == nil
    #expect(nobody)
    try listener.prepareForRelaying()
    let program = try InternetSocket(.stream, for: Self.address())
    try program.bind(to: Self.address())
    try program.connect(to: listener.localAddress())
    guard let accepted = try listener.acceptWithPeer() else {
      Issue.record("nobody")
      return
    }
    #expect(accepted.peer == (try program.localAddress()))
    #expect(Array(accepted.peer.address) == [127, 0, 0, 1])
    let before = Self.options(program)
    #expect(before.prefix(2) == [0, 0])
    #expect(Self.options(accepted.socket) == [1, 1, 60])
  }

  @Test func aReservedDescriptorLimitIsNotExceeded() throws {
    let now = Process.descriptorLimit
    #expect(try Process.raiseDescriptorLimit(to: 1) == now)
    #expect(Process.descriptorLimit == now)
    var limit = rlimit()
    // SAFETY: the kernel writes one rlimit.
    #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    if let most = Int(exactly: limit.rlim_max), most < Int.max / 2 {
      #expect(try Process.raiseDescriptorLimit(to: now + 1) == min(now + 1, most))
    }
  }
}
