import Testing

@testable import Netlink

/// Requests, byte for byte as rtnetlink(7) lays them out on a little-endian machine.
struct RequestTests {
  @Test func blackhole() {
    let route = Route(family: .ipv4, destination: [10, 0, 0, 0], prefixLength: 8, kind: .blackhole)
    #expect(
      route.addRequest.bytes == [
        36, 0, 0, 0, 24, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,  // RTM_NEWROUTE, REQUEST|EXCL|CREATE
        2, 8, 0, 0, 254, 4, 0, 6, 0, 0, 0, 0,  // AF_INET, /8, main, static, universe, RTN_BLACKHOLE
        8, 0, 1, 0, 10, 0, 0, 0,  // RTA_DST
      ])
  }

  @Test func defaultRouteHasNoDestination() {
    let hop = Route.NextHop(link: 2, gateway: [192, 0, 0, 1])
    let route = Route(
      family: .ipv4, destination: [0, 0, 0, 0], prefixLength: 0, kind: .unicast, nextHop: hop)
    #expect(
      route.addRequest.bytes == [
        44, 0, 0, 0, 24, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,
        2, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0,
        8, 0, 5, 0, 192, 0, 0, 1,  // RTA_GATEWAY
        8, 0, 4, 0, 2, 0, 0, 0,  // RTA_OIF
      ])
  }

  @Test func onLinkDestinationHasLinkScope() {
    let hop = Route.NextHop(link: 2, gateway: nil)
    let route = Route(
      family: .ipv4, destination: [192, 0, 0, 1], prefixLength: 32, kind: .unicast, nextHop: hop)
    #expect(route.addRequest.bytes[16 + 6] == 253)
  }

  @Test func address() throws {
    let address = try #require(Address([192, 0, 0, 2], prefixLength: 32, link: 2))
    #expect(
      address.addRequest.bytes == [
        40, 0, 0, 0, 20, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,
        2, 32, 2, 0, 2, 0, 0, 0,  // AF_INET, /32, IFA_F_NODAD, scope, link
        8, 0, 2, 0, 192, 0, 0, 2,  // IFA_LOCAL
        8, 0, 1, 0, 192, 0, 0, 2,  // IFA_ADDRESS
      ])
    #expect(Address([1, 2, 3], prefixLength: 8, link: 1) == nil)
  }

  @Test func linkUpWithoutARP() {
    #expect(
      Link.upRequest(index: 2, withoutARP: true).bytes == [
        32, 0, 0, 0, 16, 0, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 2, 0, 0, 0, 0x81, 0, 0, 0, 0x81, 0, 0, 0,  // IFF_UP|IFF_NOARP, and only these change
      ])
  }

  @Test func nestedAttributesAreAsLongAsTheirContents() {
    #expect(
      Array(
        Link.configureRequest(index: 2, mtu: 65520, queueLength: 120, withoutLinkLocal: true).bytes[32...])
        == [
          8, 0, 4, 0, 0xf0, 0xff, 0, 0,  // IFLA_MTU
          8, 0, 13, 0, 120, 0, 0, 0,  // IFLA_TXQLEN
          16, 0, 26, 0,  // IFLA_AF_SPEC
          12, 0, 10, 0,  // AF_INET6
          5, 0, 8, 0, 1, 0, 0, 0,  // IFLA_INET6_ADDR_GEN_MODE none, padded
        ])
  }
}

extension RequestTests {
  @Test func rule() {
    let rule = PolicyRule(family: .ipv4, priority: 100, table: 77)
    #expect(
      rule.addRequest.bytes == [
        36, 0, 0, 0, 32, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,  // RTM_NEWRULE, REQUEST|EXCL|CREATE
        2, 0, 0, 0, 77, 0, 0, 1, 0, 0, 0, 0,  // AF_INET, table, FR_ACT_TO_TBL
        8, 0, 6, 0, 100, 0, 0, 0,  // FRA_PRIORITY
      ])
    #expect(Reply.split(rule.addRequest.bytes[...])?.first.flatMap(PolicyRule.init) == rule)
  }

  @Test func ruleForAPort() {
    let rule = PolicyRule(family: .ipv4, priority: 100, table: 100, tcpPort: 443)
    #expect(
      rule.addRequest.bytes == [
        52, 0, 0, 0, 32, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,
        2, 0, 0, 0, 100, 0, 0, 1, 0, 0, 0, 0,
        8, 0, 6, 0, 100, 0, 0, 0,
        5, 0, 22, 0, 6, 0, 0, 0,  // FRA_IP_PROTO
        8, 0, 24, 0, 0xbb, 0x01, 0xbb, 0x01,  // FRA_DPORT_RANGE
      ])
    #expect(Reply.split(rule.addRequest.bytes[...])?.first.flatMap(PolicyRule.init) == rule)
    #expect(!rule.isPlain)
  }

  @Test func routeOfAnotherTable() {
    let route = Route(
      family: .ipv4, destination: [10, 1, 0, 0], prefixLength: 16, kind: .throw, table: 77)
    #expect(route.addRequest.bytes[16..<28] == [2, 16, 0, 0, 77, 4, 0, 9, 0, 0, 0, 0])
  }

  /// Of UDP, source and destination are the other way round.
  @Test(arguments: [6, 17] as [UInt8]) func socket(_ number: UInt8) throws {
    let flow = SocketDiagnosis.Flow(
      source: [192, 0, 0, 2], sourcePort: 40_000, destination: [10, 1, 2, 3], destinationPort: 80,
      protocolNumber: number, link: 3)
    let bytes = try #require(SocketDiagnosis.request(flow)).bytes
    #expect(bytes[..<8] == [72, 0, 0, 0, 20, 0, 1, 0])
    #expect(bytes[16..<24] == [2, number, 0, 0, 255, 255, 255, 255])
    let own: [UInt8] = [0x9c, 0x40]
    let other: [UInt8] = [0, 80]
    #expect(Array(bytes[24..<28]) == (number == 6 ? own + other : other + own))
    #expect(bytes[28..<32] == (number == 6 ? [192, 0, 0, 2] : [10, 1, 2, 3]))
    #expect(bytes[44..<48] == (number == 6 ? [10, 1, 2, 3] : [192, 0, 0, 2]))
    #expect(bytes[60...] == [3, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255])
  }

  @Test func socketsInode() throws {
    func reply(_ type: Int, _ count: Int, _ inode: UInt32) throws -> Reply? {
      let body = [UInt8](repeating: 0, count: 68) + Message.encoded(inode)
      return Reply.split(Message(type: type, flags: 0, fixed: Array(body[..<count])).bytes[...])?.first
    }
    #expect(SocketDiagnosis.inode(in: try reply(20, 72, 4711)) == 4711)
    #expect(SocketDiagnosis.inode(in: try reply(20, 72, 0)) == nil)
    #expect(SocketDiagnosis.inode(in: try reply(20, 68, 4711)) == nil)
    #expect(SocketDiagnosis.inode(in: try reply(21, 72, 4711)) == nil)
    #expect(SocketDiagnosis.inode(in: nil) == nil)
  }

  /// Whatever limits a rule to some packets is noticed.
  @Test(
    arguments: [
      ([2, 8, 0, 0], 1, []), ([2, 0, 8, 0], 1, []), ([2, 0, 0, 4], 1, []), ([2, 0, 0, 0], 3, []),
      ([2, 0, 0, 0], 1, [(3, 0)]), ([2, 0, 0, 0], 1, [(10, 1)]), ([2, 0, 0, 0], 1, [(14, 8)]),
      ([2, 0, 0, 0], 1, [(20, 0)]),
    ] as [([UInt8], UInt32, [(Int, UInt32)])])
  func rulesThatAreNotPlain(_ start: [UInt8], _ flags: UInt32, _ attributes: [(Int, UInt32)]) throws {
    func rule(_ start: [UInt8], _ flags: UInt32, _ attributes: [(Int, UInt32)]) throws -> PolicyRule {
      var message = Message(
        type: 32, flags: 0, fixed: start + [254, 0, 0, 1] + Message.encoded(flags))
      for (type, value) in [(15, 254), (14, .max), (6, 100)] + attributes {
        message.attribute(type, value)
      }
      let reply = try #require(Reply.split(message.bytes[...])?.first)
      return try #require(PolicyRule(reply))
    }
    #expect(try rule([2, 0, 0, 0], 1, []) == PolicyRule(family: .ipv4, priority: 100, table: 254))
    #expect(try !rule(start, flags, attributes).isPlain)
  }
}
