import Policy
import Testing

struct ServicesTests {
  @Test(
    arguments: [
      ([], []), ([80...80], [80...80]), ([443...443, 80...80], [80...80, 443...443]),
      // Ranges that overlap or touch become one.
      ([80...90, 85...100], [80...100]), ([80...81, 82...83], [80...83]), ([1...100, 5...6], [1...100]),
      ([0...65535, 5...5], [0...65535]), ([65535...65535, 65534...65534], [65534...65535]),
    ] as [([ClosedRange<UInt16>], [ClosedRange<UInt16>])])
  func portSetsAreCanonical(given: [ClosedRange<UInt16>], ranges: [ClosedRange<UInt16>]) {
    #expect(PortSet(given).ranges == ranges)
  }

  @Test func portSetsAreSets() {
    var random = Random(seed: 3)
    for _ in 0..<2000 {
      let a = portSet(&random)
      let b = portSet(&random)
      let union = a.union(b)
      let difference = a.subtracting(b)
      for port in RandomPlan.ports {
        #expect(union.contains(port) == (a.contains(port) || b.contains(port)))
        #expect(difference.contains(port) == (a.contains(port) && !b.contains(port)))
      }
      for set in [union, difference] { #expect(PortSet(set.ranges).ranges == set.ranges) }
      #expect(difference.union(b) == union)
    }
  }

  @Test func oneHoleCanReachOverSeveralRanges() {
    let ranges = PortSet([10...20, 30...40, 50...60])
    #expect(ranges.subtracting(PortSet([15...55])).ranges == [10...14, 56...60])
    #expect(ranges.subtracting(.all).isEmpty)
    #expect(PortSet.all.subtracting(PortSet([0...0, 65535...65535])).ranges == [1...65534])
  }

  @Test func echoHasNoPort() {
    let echo = Services(tcp: .none, udp: .none, echo: true)
    #expect(echo.contains(.icmp, port: 443))
    #expect(!echo.contains(.tcp, port: 443))
    #expect(!Services(tcp: .all, udp: .all, echo: false).contains(.icmp, port: 0))
    #expect(Services.all.subtracting(echo) == Services(tcp: .all, udp: .all, echo: false))
    #expect(Services.none.union(echo) == echo)
  }

  @Test func protocolsAreApart() {
    let dns = Services(tcp: .none, udp: PortSet(53), echo: false)
    #expect(dns.contains(.udp, port: 53))
    #expect(!dns.contains(.tcp, port: 53))
    #expect(Services.all.subtracting(dns).contains(.tcp, port: 53))
    #expect(!Services.all.subtracting(dns).contains(.udp, port: 53))
    #expect(!dns.isEmpty && dns.subtracting(dns).isEmpty)
  }

  @Test(arguments: [
    (Services.all, "all"), (.none, "nothing"),
    (Services(tcp: PortSet([80...80, 8000...8999]), udp: .none, echo: false), "80,8000-8999/tcp"),
    (Services(tcp: PortSet(53), udp: PortSet(53), echo: true), "53 echo"),
    (Services(tcp: PortSet(53), udp: PortSet(54), echo: false), "53/tcp 54/udp"),
  ])
  func servicesReadAsTheConfigurationWritesThem(services: Services, text: String) {
    #expect(services.description == text)
  }

  private func portSet(_ random: inout Random) -> PortSet {
    PortSet(
      (0..<random.below(5)).map { _ in
        let ends = [random.pick(RandomPlan.ports), random.pick(RandomPlan.ports)].sorted()
        return ends[0]...ends[1]
      })
  }
}
