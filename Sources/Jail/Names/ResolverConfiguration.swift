internal import Linux
internal import Policy

/// What the host's resolv.conf(5) says, read as the C library reads it: a keyword counts at the start of a
/// line, before a space or a tab; what is malformed is skipped.
struct ResolverConfiguration: Equatable {
  /// The resolvers to ask, in order: never none.
  private(set) var resolvers: [HostFacts.Resolver] = []
  /// The lines that are about names, byte for byte: the jail's C library must make of them what the host's
  /// does.
  private var kept: [ArraySlice<UInt8>] = []
  /// What the C library puts behind names, by the last `search` or `domain`; nil without one.
  private var listed: [DomainName]?

  /// The C library asks no more than these (MAXNS, resolv.h).
  private static let mostResolvers = 3

  /// Any bytes are a configuration. A missing file is an empty one.
  init(parsing bytes: [UInt8]) {
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      // A line that starts with a blank starts with no keyword.
      guard let keyword = words.first, keyword.startIndex == line.startIndex, words.count > 1 else {
        continue
      }
      switch String(decoding: keyword, as: UTF8.self) {
      case "nameserver":
        guard resolvers.count < Self.mostResolvers, let resolver = Self.resolver(words[1]) else { continue }
        resolvers.append(resolver)
      case "search", "domain", "options", "sortlist":
        kept.append(line)
        if keyword.elementsEqual("search".utf8) { listed = words.dropFirst().compactMap(Self.domain) }
        if keyword.elementsEqual("domain".utf8) { listed = words[1...1].compactMap(Self.domain) }
      default: continue
      }
    }
    // Without a name server the C library asks the local machine.
    if resolvers.isEmpty, let local = IPAddress("127.0.0.1") {
      resolvers = [HostFacts.Resolver(address: local)]
    }
  }

  /// The domains that the C library puts behind names on this host.
  var search: [DomainName] { search(hostName: hostName()) }

  /// The same on a host of this name: without any in the file, what is behind its first dot.
  func search(hostName: String) -> [DomainName] {
    listed ?? DomainName(hostName)?.parent.map { [$0] } ?? []
  }

  private static func domain(_ word: ArraySlice<UInt8>) -> DomainName? {
    DomainName(String(decoding: word, as: UTF8.self))
  }

  /// The jail's resolv.conf.
  var jailText: [UInt8] {
    let address = DNSListeners.address.map { String($0) }.joined(separator: ".")
    return Array(
      "# Written by claude-sandbox: it asks the host's name servers.\nnameserver \(address)\n".utf8)
      + kept.flatMap { $0 + [UInt8(ascii: "\n")] }
  }

  /// An address, behind which a comment may start at once, with the zone of a link-local one.
  private static func resolver(_ word: ArraySlice<UInt8>) -> HostFacts.Resolver? {
    let end = word.firstIndex { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "#") } ?? word.endIndex
    let parts = String(decoding: word[..<end], as: UTF8.self)
      .split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = parts.first.flatMap({ IPAddress($0) }) else { return nil }
    guard parts.count == 2 else { return HostFacts.Resolver(address: address) }
    guard address.family == .ipv6, !parts[1].isEmpty else { return nil }
    return HostFacts.Resolver(address: address, link: String(parts[1]))
  }
}
