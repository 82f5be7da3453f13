import Linux
import Policy
struct DNSForwarder: ~Copyable {
  let udp: FileDescriptor, tcp: FileDescriptor
  init(udp: consuming FileDescriptor, tcp: consuming FileDescriptor, resolvers: [HostFacts.Resolver]) { self.udp = udp; self.tcp = tcp }
  var interests: [Interest] { [] }
  var deadline: Int? { nil }
  mutating func handle(ready: Set<CInt>, now: Int) {}
}
struct RefusalResponder: ~Copyable {
  let packets: FileDescriptor
  init(packets: consuming FileDescriptor, linkAddress: [UInt8], gateways: [IPAddress]) { self.packets = packets }
  var interest: Interest? { nil }
  var deadline: Int? { nil }
  mutating func handle(ready: Set<CInt>, now: Int, tap: CInt) {}
}
struct ResolverConfiguration: Sendable {
  let nameservers: [HostFacts.Resolver]
  let jailFile: String
  static func current() -> ResolverConfiguration { ResolverConfiguration(nameservers: [], jailFile: "nameserver 127.0.0.53\n") }
}
