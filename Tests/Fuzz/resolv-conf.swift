import Policy

@testable import Jail

/// A resolv.conf(5): what the jail gets of it names the jail's server alone, and says of names what the host's says.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let text = unsafe input(data, count)
  let configuration = ResolverConfiguration(parsing: text)
  require((1...3).contains(configuration.resolvers.count), "\(configuration.resolvers)")
  let jail = ResolverConfiguration(parsing: configuration.jailText)
  require(jail.resolvers.map(\.address.bytes) == [DNSListeners.address], "the jail asks \(jail.resolvers)")
  require(jail.jailText == configuration.jailText, "what was kept is read differently")
  require(configuration.jailText.count <= text.count + 100, "\(configuration.jailText.count) bytes")
  return 0
}
