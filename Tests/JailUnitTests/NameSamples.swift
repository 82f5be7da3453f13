import Policy
import Testing

@testable import Jail

/// Rules about names as the tests write them: `github.com`, `*.github.com`, `=github.com`, with `!` in front of one that blocks and `@` of an
/// internal one.
func domainRule(_ text: String) throws -> DomainRule {
  var name = Substring(text)
  let (isBlocked, isInternal) = (name.hasPrefix("!"), name.hasPrefix("@"))
  if isBlocked || isInternal { name = name.dropFirst() }
  let extent: DomainPattern.Extent = name.hasPrefix("*.") ? .below : name.hasPrefix("=") ? .exact : .tree
  name = name.drop { "*=.".contains($0) }
  return DomainRule(
    DomainPattern(try #require(DomainName(name)), extent), action: isBlocked ? .block : .allow,
    isInternal: isInternal, origin: .networkRestricted)
}

/// The names of a jail on a host with the internet.
func namePlan(_ network: String, _ rules: [String], addresses: String = "") throws -> NamePlan {
  var configuration = try ConfigurationParser.parse([
    (name: "test", text: Array("network = \(network)\n\(addresses)".utf8))
  ])
  configuration.domains = try rules.map(domainRule)
  var facts = HostFacts()
  let gateway = IPAddress("192.0.2.1")
  facts.ipv4InternetPaths = [HostFacts.NextHop(link: "eth0", gateway: gateway)]
  return try #require(try Plan.make(configuration: configuration, facts: facts).names)
}

/// The directory of such a jail, on a host without a hosts file.
func directory(_ network: String, _ rules: [String], hosts: String = "/nonexistent") throws -> NameDirectory {
  NameDirectory(try namePlan(network, rules), hosts: HostsFile(hosts))
}

/// What a resolver knows of one name.
struct Zone {
  var a: [[UInt8]] = []
  var aaaa: [[UInt8]] = []
  var timeToLive: UInt8 = 60
  var code: UInt8 = 0

  /// Its answer to a question, in the order of the lists.
  func reply(_ question: [UInt8]) -> [UInt8] {
    guard let request = try? DNSRequest(question) else { return answer(question, code: 1) }
    let data = request.type == .a ? a : request.type == .aaaa ? aaaa : []
    let records = data.map { entry(type: UInt8(request.type.rawValue), time: timeToLive, $0) }
    return message(question, records, code: code)
  }
}

/// The type that a question is about.
func type(of question: [UInt8]) -> UInt16? { try? DNSRequest(question).type.rawValue }

/// A record of the name in the question.
func entry(type: UInt8, time: UInt8 = 60, _ data: [UInt8]) -> [UInt8] {
  [0xc0, 12, 0, type, 0, 1, 0, 0, 0, time, UInt8(data.count >> 8), UInt8(data.count & 255)] + data
}

/// An answer with these records, without EDNS.
func message(_ question: [UInt8], _ records: [[UInt8]], code: UInt8 = 0) -> [UInt8] {
  let end = (try? DNSRequest(question).questionEnd) ?? question.count
  var message = answer(cut(question, to: end), code: code, record: records.flatMap(\.self))
  (message[6], message[7], message[11]) = (UInt8(records.count >> 8), UInt8(records.count & 255), 0)
  return message
}
