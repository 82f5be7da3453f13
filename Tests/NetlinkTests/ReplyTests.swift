import Linux
import Testing

@testable import Netlink

/// What the kernel says, and what it never should.
struct ReplyTests {
  private static let route: [UInt8] = [
    60, 0, 0, 0, 24, 0, 2, 0, 1, 0, 0, 0, 7, 0, 0, 0,  // RTM_NEWROUTE, NLM_F_MULTI
    2, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0,  // /24, main table, RTPROT_BOOT, unicast
    8, 0, 15, 0, 52, 1, 0, 0,  // RTA_TABLE 308
    8, 0, 1, 0, 203, 0, 113, 0,  // RTA_DST
    8, 0, 5, 0, 192, 0, 2, 9,  // RTA_GATEWAY
    8, 0, 4, 0, 3, 0, 0, 0,  // RTA_OIF
  ]

  @Test func routeIsRead() throws {
    let reply = try #require(Reply.split(Self.route[...])?.first)
    let route = try #require(Route(reply))
    #expect(route.destination == [203, 0, 113, 0])
    #expect(route.prefixLength == 24)
    #expect(route.table == 308, "RTA_TABLE counts, not the eight bits of the header")
    #expect(route.nextHops == [.init(link: 3, gateway: [192, 0, 2, 9])])
  }

  @Test func everyHopOfAMultipathRouteIsRead() throws {
    let hops: [UInt8] = [
      16, 0, 0, 0, 3, 0, 0, 0, 8, 0, 5, 0, 192, 0, 2, 9,  // link 3 via 192.0.2.9
      8, 0, 0, 0, 4, 0, 0, 0,  // link 4, on-link
    ]
    var message = Message(type: 24, flags: 0, fixed: [2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0])
    message.attribute(9, hops)
    let reply = try #require(Reply.split(message.bytes[...])?.first)
    let route = try #require(Route(reply))
    #expect(route.nextHops == [.init(link: 3, gateway: [192, 0, 2, 9]), .init(link: 4, gateway: nil)])
  }

  @Test func gatewayOfTheOtherFamilyIsRead() throws {
    var message = Message(type: 24, flags: 0, fixed: [2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0])
    let gateway = [UInt8](repeating: 0xfd, count: 16)
    message.attribute(18, [10, 0] + gateway)
    message.attribute(4, UInt32(2))
    let reply = try #require(Reply.split(message.bytes[...])?.first)
    let route = try #require(Route(reply))
    #expect(route.nextHops == [.init(link: 2, gateway: gateway)])
  }

  @Test func ruleNamesItsTable() throws {
    var message = Message(type: 32, flags: 0, fixed: [2, 0, 0, 0, 52, 0, 0, 1, 0, 0, 0, 0])
    message.attribute(15, UInt32(1000))
    let reply = try #require(Reply.split(message.bytes[...])?.first)
    let rule = try #require(PolicyRule(reply))
    #expect(rule.table == 1000)
    #expect(!rule.isVRF)
  }

  @Test(arguments: [0, 1, 15, 16, 17, 27, 28, 29, 35, 59])
  func truncatedMessagesAreRefusedOrSkippedWithoutATrap(length: Int) {
    for reply in Reply.split(Self.route.prefix(length)) ?? [] { _ = Route(reply) }
    var shorter = Array(Self.route.prefix(length))
    if length >= 16 {
      shorter[0] = UInt8(length)
      for reply in Reply.split(shorter[...]) ?? [] { #expect(length >= 28 || Route(reply) == nil) }
    }
  }

  @Test func contradictoryLengthsAreRefused() {
    var longer = Self.route
    longer[0] = 61
    #expect(Reply.split(longer[...]) == nil)
    var shorter = Self.route
    shorter[0] = 15
    #expect(Reply.split(shorter[...]) == nil)
    var attribute = Self.route
    attribute[28] = 200
    #expect(Reply.split(attribute[...])?.first.flatMap(Route.init) == nil)
  }

  /// NLMSG_ERROR with a code that is no errno: found by Tests/Fuzz.
  @Test(arguments: [Int32.min, -4096, 1, .max])
  func errorNumbersOutOfRangeAreRefused(code: Int32) throws {
    let pair = try DatagramPair()
    var kernel = NetlinkSocket(owning: try pair.first.descriptor.duplicate())
    var answer = Message(type: 2, flags: 0, fixed: Message.encoded(code) + [UInt8](repeating: 0, count: 16))
    answer.stamp(sequence: 1, acknowledge: false)
    try pair.second.send(answer.bytes)
    #expect(throws: SystemCallError("recvfrom", "netlink error", errno: Errno.EPROTO)) {
      try kernel.request(Link.dumpRequest, dump: true)
    }
  }

  @Test func randomBytesNeverTrap() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = Self.route
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
      }
      for reply in Reply.split(bytes.prefix(.random(in: 0...bytes.count, using: &generator))) ?? [] {
        _ = (Route(reply), Link(reply), Address(reply), PolicyRule(reply))
      }
    }
  }
}
