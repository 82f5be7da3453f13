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
