import Linux
import Testing

@testable import Netlink

/// The running kernel as the oracle; reading needs no privilege, and changes without one are refused.
struct KernelTests {
  @Test func loopbackIsListed() throws {
    var kernel = try NetlinkSocket()
    let links = try kernel.request(Link.dumpRequest, dump: true).compactMap(Link.init)
    #expect(links.contains { $0.index == Link.loopback && $0.name == "lo" })
  }

  @Test func routeToLoopbackIsLocal() throws {
    var kernel = try NetlinkSocket()
    let request = try #require(Route.lookupRequest(to: [127, 0, 0, 1]))
    let replies = try kernel.request(request, dump: false)
    let route = try #require(replies.first.flatMap(Route.init))
    #expect(route.kind == .local)
    #expect(route.nextHops.map(\.link) == [Link.loopback])
  }

  @Test func refusalNamesTheMessage() throws {
    var kernel = try NetlinkSocket()
    // Neither exists, for no identity: the second answer must not hide the first.
    let requests = [Link.deleteRequest(index: 0x7fff_fff0), Link.deleteRequest(index: 0x7fff_fff1)]
    let error = #expect(throws: NetlinkError.self) { try kernel.apply(requests) }
    #expect(error?.index == 0)
    #expect([Errno.ENODEV, Errno.EPERM].contains(error?.errno ?? 0))
  }

  @Test func socketIsUsableAfterARefusal() throws {
    var kernel = try NetlinkSocket()
    #expect(throws: NetlinkError.self) { try kernel.apply([Link.deleteRequest(index: 0x7fff_fff0)]) }
    #expect(try !kernel.request(Link.dumpRequest, dump: true).isEmpty)
  }
}
