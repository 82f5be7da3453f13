import Netlink
import Policy
import Testing

@testable import Jail

/// What the refusal link's table holds, and in which order routes are changed.
@Suite struct RoutingTableTests {
  private static func plan(_ lines: String) throws -> Plan {
    var facts = HostFacts()
    facts.ipv4InternetPaths = [.init(link: "eth0", gateway: IPAddress("198.51.100.1"))]
    let configuration = try ConfigurationParser.parse([(name: "x.conf", text: Array(lines.utf8))])
    return try Plan.make(configuration: configuration, facts: facts)
  }

  private static func link(_ plan: Plan) -> RefusalLink {
    RefusalLink(index: 3, plan, families: [.ipv4, .ipv6])
  }

  @Test func table() throws {
    let plan = try Self.plan("allow-ip = 10.1.2.3:80\n")
    let routes = Self.link(plan).routes(plan)
    let table = Set(routes.map(\.table))
    #expect(table == [77])
    let refused = routes.filter(\.leadsSomewhere)
    #expect(Set(refused.map(\.destination)) == Set(plan.blackholes.map(\.destination)))
    #expect(refused.allSatisfy { $0.nextHops == [.init(link: 3, gateway: nil)] })
    // What is open inside of a closed prefix, and the gateway, are left to the main table.
    let open = routes.filter { $0.kind == .throw }.map(\.destination)
    #expect(open == [[10, 1, 2, 3], [192, 0, 0, 1]])
    // The kernel shares the next hop of routes of one kind.
    let groups = routes.filter { $0.kind == .multicast }.map(\.destination)
    #expect(groups == [[224, 0, 0, 0]])
  }

  @Test func tableWithoutUplink() throws {
    let plan = try Self.plan("network = none\n")
    let routes = Self.link(plan).routes(plan)
    #expect(routes.map(\.prefixLength) == [0, 0] && routes.map(\.family) == [.ipv4, .ipv6])
    let one = RefusalLink(index: 3, plan, families: [.ipv4])
    #expect(one.routes(plan).map(\.family) == [.ipv4] && one.rules.map(\.family) == [.ipv4])
  }

  /// Something opens: first where it leads, then the way there. It closes the other way round.
  @Test func order() throws {
    let closed = try Self.plan("")
    let open = try Self.plan("allow-ip = 10.1.2.3:80\n")
    func routes(_ plan: Plan) -> [Route] {
      let uplink = plan.routes.filter { $0.kind == .uplink }.map {
        Route($0.prefix, kind: .unicast, nextHop: .init(link: 2, gateway: [192, 0, 0, 1]))
      }
      return plan.blackholes + uplink + Self.link(plan).routes(plan)
    }
    func kinds(_ messages: [Message]) -> [String] {
      messages.map { "\($0.bytes[4] == 24 ? "add" : "delete") \($0.bytes[20]) \($0.bytes[23])" }
    }
    // Table 254, unicast; table 77, throw.
    #expect(
      kinds(RoutingTable.changes(from: routes(closed), to: routes(open))) == ["add 254 1", "add 77 9"])
    #expect(
      kinds(RoutingTable.changes(from: routes(open), to: routes(closed))) == ["delete 77 9", "delete 254 1"])
  }
}
