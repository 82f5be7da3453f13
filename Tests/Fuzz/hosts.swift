import Policy

@testable import Jail

private let restricted = namePlan(isExclusive: true)
private let internet = namePlan(isExclusive: false)

/// A hosts(5): what the jail reads of it leads to no name that the gateway serves, and whatever else it says stays.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let text = unsafe input(data, count)
  let inside = JailHosts.text(internet, host: text, hostName: "")
  require(inside.count <= text.count + 1, "\(inside.count) bytes")
  for line in HostsLine.all(in: inside) {
    for name in line.names { require(!isListed(HostsLine.labels(name).map(Array.init)), "\(name)") }
  }
  require(JailHosts.text(internet, host: inside, hostName: "") == inside, "read again it is another")
  let own = JailHosts.text(restricted, host: text, hostName: "box.corp")
  for line in HostsLine.all(in: own).dropFirst(3) {
    require(line.address == IPAddress("127.0.1.1"), "\(line.bytes)")
    for name in line.names { require(!isListed(HostsLine.labels(name).map(Array.init)), "\(name)") }
  }
  require(HostsLine.all(in: own).count == 4, "\(own)")
  let ported = JailHosts.text(nil, host: text, hostName: "", hasHostPorts: true)
  let lines = HostsLine.all(in: ported)
  for line in lines.dropLast(2) {
    for name in line.names {
      let isHosts = DomainName(labels: HostsLine.labels(name)).map(HostPorts.hostNames.contains) ?? false
      require(!isHosts, "\(line.bytes)")
    }
  }
  require(lines.suffix(2).map(\.address) == [.loopback(.ipv4), .loopback(.ipv6)], "\(ported.suffix(200))")
  require(
    JailHosts.text(nil, host: ported, hostName: "", hasHostPorts: true) == ported, "read again it is another")
  return 0
}
