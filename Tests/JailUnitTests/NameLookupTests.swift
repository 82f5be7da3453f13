import Linux
import Policy
import Testing

@testable import Jail

/// What is known of where a name leads.
@Suite struct NameLookupTests {
  private let name = DomainName("git.example.org")
  private let v4: [UInt8] = [93, 184, 10, 1]
  private let v6: [UInt8] = [0x2a, 0] + [UInt8](repeating: 7, count: 14)

  private func bench(
    _ resolvers: [String] = ["127.0.0.2"], absent: Set<String> = [], hosts: String = "/nonexistent",
    rules: [String] = ["example.org"]
  ) throws -> Bench {
    try Bench(resolvers, absent: absent, directory: try directory("restricted", rules, hosts: hosts))
  }

  private func results(_ bench: Bench) -> [NameResult] {
    bench.effects.compactMap { if case .nameFound(_, let result) = $0 { result } else { nil } }
  }

  private func find(_ bench: Bench) throws -> NameResult? {
    let before = results(bench).count
    bench.find(try #require(name))
    try bench.pass()
    #expect(results(bench).count <= before + 1)
    return results(bench).count > before ? results(bench).last : nil
  }

  private func wire(_ text: String) -> [UInt8] { JailUnitTests.name(text) }

  private func addresses(_ bytes: [[UInt8]]) -> NameResult {
    .addresses(bytes.compactMap { IPAddress(family: $0.count == 4 ? .ipv4 : .ipv6, bytes: $0) })
  }

  @Test func bothFamilies() throws {
    let bench = try bench()
    bench.resolvers[0].reply = { Zone(a: [v4, [1, 2, 3, 4]], aaaa: [v6]).reply($0) }
    #expect(try find(bench) == addresses([v4, [1, 2, 3, 4], v6]))
    let asked = try bench.resolvers[0].datagrams.map { try ParsedMessage($0) }
    #expect(asked.map(\.type) == [1, 28] && asked.allSatisfy { $0.question == "git.example.org" })
    #expect(asked.allSatisfy { $0.flags == 0x100 && $0.additional.map(\.recordClass) == [1232] })
    // Unpredictable, each by itself.
    #expect(Set(bench.resolvers[0].senders.map(\.port)).count == 2)
    #expect(asked[0].id != asked[1].id || asked[0].id != 0)
    #expect(bench.forwarder.deadline == nil && bench.forwarder.interests.count == 2)
  }

  /// One lookup for all who want the name: programs over UDP and TCP, and connections.
  @Test func concurrent() throws {
    let bench = try bench()
    bench.resolvers[0].reply = { _ in nil }
    let (datagrams, stream) = (try bench.client(.datagram), try bench.client(.stream))
    for id in 1...5 as ClosedRange<UInt16> { try datagrams.send(query("Git.Example.org", id: id)) }
    try stream.send(framed(query("git.example.org", id: 9)))
    try bench.pass()
    #expect(try find(bench) == nil)
    #expect(bench.resolvers[0].datagrams.count == 2)
    for (question, sender) in zip(bench.resolvers[0].datagrams, bench.resolvers[0].senders) {
      try bench.resolvers[0].send(Zone(a: [v4]).reply(question), to: sender)
    }
    for id in 1...5 {
      let parsed = try ParsedMessage(try #require(try datagrams.datagram()))
      #expect(parsed.id == id && parsed.answers.map(\.owner) == ["Git.Example.org"])
    }
    #expect(try ParsedMessage(try #require(try stream.message())).answers.count == 1)
    #expect(results(bench) == [addresses([v4])])
  }

  /// As long as the records say, a second at least and five minutes at most.
  @Test(arguments: zip([0, 1, 7, 60, 255] as [UInt8], [1, 1, 7, 60, 255]))
  func timeToLive(_ time: UInt8, _ seconds: Int) throws {
    let bench = try bench()
    let client = try bench.client(.datagram)
    bench.resolvers[0].reply = { Zone(a: [v4], timeToLive: time).reply($0) }
    #expect(try client.ask(query("git.example.org")) != nil)
    try bench.pass(seconds * 1000 - 1)
    #expect(try client.ask(query("git.example.org")) != nil)
    #expect(try find(bench) == addresses([v4]))
    #expect(bench.resolvers[0].datagrams.count == 2)
    bench.resolvers[0].reply = { Zone(a: [[1, 2, 3, 4]], timeToLive: time).reply($0) }
    try bench.pass(1)
    #expect(try find(bench) == addresses([[1, 2, 3, 4]]))
    #expect(bench.resolvers[0].datagrams.count == 4)
  }

  @Test func longTimeToLive() throws {
    let bench = try bench()
    // 65 536 seconds.
    let long = replaced(entry(type: 1, v4), at: 6, by: [0, 1, 0, 0])
    bench.resolvers[0].reply = { message($0, type(of: $0) == 1 ? [long] : []) }
    #expect(try bench.client(.datagram).ask(query("git.example.org")) != nil)
    try bench.pass(299_999)
    let before = bench.resolvers[0].datagrams.count
    #expect(try find(bench) != nil)
    #expect(bench.resolvers[0].datagrams.count == before)
    try bench.pass(1)
    #expect(try find(bench) != nil)
    #expect(bench.resolvers[0].datagrams.count == before + 2)
  }

  /// Of a chain the shortest counts; with the top bit set it is none (RFC 2181).
  @Test func leastOfTheChain() throws {
    func time(_ records: [[UInt8]]) throws -> UInt32 {
      let question = query("git.example.org")
      let message = message(question, records)
      return DNSAnswer(message[...], from: try DNSRequest(question).questionEnd).timeToLive
    }
    let alias = entry(type: 5, time: 5, wire("other.example"))
    #expect(try time([alias, entry(type: 1, time: 60, v4)]) == 5)
    #expect(try time([entry(type: 1, time: 60, v4), entry(type: 28, time: 9, v6)]) == 9)
    #expect(try time([entry(type: 16, time: 1, [0]), entry(type: 1, time: 60, v4)]) == 60)
    #expect(try time([changed(entry(type: 1, time: 60, v4), 6, 0x80)]) == 0)
    #expect(try time([alias]) == 0)
  }

  @Test func noAddresses() throws {
    let bench = try bench()
    let client = try bench.client(.datagram)
    for (code, found, expected) in [(3, NameResult.doesNotExist, 3), (0, .addresses([]), 0), (2, .failed, 2)]
      as [(UInt8, NameResult, UInt8)]
    {
      bench.resolvers[0].reply = { Zone(code: code).reply($0) }
      #expect(try find(bench) == found)
      // One family without addresses beside one that failed would be a name without addresses.
      for type in [1, 28] as [UInt16] {
        let parsed = try ParsedMessage(try #require(try client.ask(query("git.example.org", type: type))))
        #expect(parsed.code == Int(expected) && parsed.answers.isEmpty && parsed.authority.isEmpty)
      }
    }
    // Nothing of it was kept.
    bench.resolvers[0].reply = { Zone(a: [v4]).reply($0) }
    #expect(try find(bench) == addresses([v4]))
  }

  /// What the families say together; A decides whether there is such a name.
  @Test(
    arguments: [
      (0, 3, NameResult.addresses([])), (3, 0, .doesNotExist), (3, 3, .doesNotExist), (2, 3, .doesNotExist),
      (3, 2, .doesNotExist), (2, 0, .failed), (0, 2, .failed), (0, 0, .addresses([])),
    ] as [(UInt8, UInt8, NameResult)])
  func codes(_ a: UInt8, _ aaaa: UInt8, _ expected: NameResult) throws {
    let bench = try bench()
    bench.resolvers[0].reply = { Zone(code: type(of: $0) == 28 ? aaaa : a).reply($0) }
    #expect(try find(bench) == expected)
  }

  /// Some resolvers never answer for AAAA.
  @Test func oneFamilyIsSilent() throws {
    let bench = try bench()
    bench.resolvers[0].reply = { type(of: $0) == 28 ? nil : Zone(a: [v4]).reply($0) }
    #expect(try find(bench) == nil)
    #expect(bench.forwarder.deadline == bench.now + .milliseconds(300))
    try bench.pass(299)
    #expect(results(bench).isEmpty)
    try bench.pass(1)
    #expect(results(bench) == [addresses([v4])])
    #expect(bench.forwarder.interests.count == 2)
  }

  @Test func silence() throws {
    let bench = try bench(["127.0.0.2", "127.0.0.3"])
    for resolver in bench.resolvers { resolver.reply = { _ in nil } }
    let client = try bench.client(.datagram)
    #expect(try client.ask(query("git.example.org")) == nil)
    for _ in 0..<3 { try bench.pass(1500) }
    #expect(results(bench) == [.failed])
    #expect(try client.datagram() == answer(query("git.example.org"), code: 2))
    #expect(bench.resolvers.map(\.datagrams.count) == [4, 2])
  }

  @Test func noResolvers() throws {
    let bench = try bench([])
    #expect(try find(bench) == .failed)
    #expect(
      try bench.client(.stream).askFramed(query("git.example.org"))
        == answer(query("git.example.org"), code: 2))
  }

  /// An answer that was cut comes over TCP, from the next resolver if one does not speak it.
  @Test func truncated() throws {
    let bench = try bench(["127.0.0.2", "127.0.0.3"])
    let many = (1...16).map { [93, 184, 10, UInt8($0)] as [UInt8] }
    for resolver in bench.resolvers {
      resolver.reply = { [unowned resolver] question in
        let isStream = resolver.streamed.last == question
        return isStream ? Zone(a: many).reply(question) : changed(Zone(a: [v4]).reply(question), 2, 0x83)
      }
    }
    bench.resolvers[0].hangsUp = true
    #expect(try find(bench) == addresses(many))
    #expect(bench.resolvers.map(\.streamed.count) == [2, 2])
    let sent = try ParsedMessage(bench.resolvers[1].streamed[0])
    #expect(sent.question == "git.example.org" && sent.id != 0)
    // What was there is used where TCP fails.
    try bench.pass(61_000)
    bench.resolvers[1].hangsUp = true
    #expect(try find(bench) == addresses([v4]))
  }

  /// Who does not know EDNS is asked without it.
  @Test func withoutEDNS() throws {
    let bench = try bench()
    bench.resolvers[0].reply = { question in
      guard question[11] == 0 else { return message(question, [], code: 1) }
      return Zone(a: [v4]).reply(question)
    }
    #expect(try find(bench) == addresses([v4]))
    #expect(bench.resolvers[0].datagrams.count == 4)
  }

  /// The bound holds, and dead names do not keep others waiting for longer than a time-out.
  @Test func bound() throws {
    let bench = try bench()
    bench.resolvers[0].reply = { $0[13] == 0x64 ? nil : Zone(a: [v4]).reply($0) }
    for number in 0..<100 { bench.find(try #require(DomainName("d\(number).example.org"))) }
    try bench.pass()
    #expect(bench.resolvers[0].datagrams.count == 2 * DNSForwarder.mostLookups)
    #expect(try find(bench) == nil)
    for _ in 0..<40 { try bench.pass(1500) }
    #expect(results(bench).count == 101 && results(bench).filter { $0 == .failed }.count == 100)
    #expect(bench.forwarder.deadline == nil && bench.forwarder.interests.count == 2)
    // What does not even fit into the queue fails at once.
    for number in 0..<700 { bench.find(try #require(DomainName("d\(number).example.org"))) }
    #expect(results(bench).count == 101 + 700 - 64 - 512)
  }

  @Test func told() throws {
    let bench = try bench()
    bench.resolvers[0].reply = { Zone(a: [v4]).reply($0) }
    #expect(try bench.client(.datagram).ask(query("GIT.example.org")) != nil)
    let told = bench.effects.map { "\($0)" }
    #expect(told.count == 3 && told[0] == "nameAsked(\"git.example.org\")", "\(told)")
    guard case .nameAnswered("git.example.org", let addresses) = bench.effects[1] else {
      throw CancellationError()
    }
    #expect(addresses.map { "\($0)" } == ["93.184.10.1"])
  }

  /// A proxy that fakes addresses, or a network that translates: said once, and only where the plan closes them.
  @Test(arguments: [
    ([198, 18, 0, 9], "git.example.org is 198.18.0.9: a proxy answers for every name"),
    ([0, 0x64, 0xff, 0x9b] + [UInt8](repeating: 0, count: 8) + [10, 0, 0, 1], "translates to IPv4 (NAT64)"),
    ([93, 184, 10, 1], ""),
  ])
  func substitutes(_ address: [UInt8], _ expected: String) throws {
    let bench = try bench()
    bench.resolvers[0].reply = { (address.count == 4 ? Zone(a: [address]) : Zone(aaaa: [address])).reply($0) }
    for _ in 0..<3 {
      #expect(try find(bench) == addresses([address]))
      try bench.pass(100_000)
    }
    let said = bench.effects.compactMap { if case .tell(let text) = $0 { text } else { nil } }
    #expect(said.count == (expected.isEmpty ? 0 : 1))
    #expect(said.allSatisfy { $0.contains(expected) }, "\(said)")
  }

  /// The host's hosts file comes first, and is followed.
  @Test func hosts() throws {
    let path = "/tmp/claude-sandbox-hosts.\(Process.id)"
    func write(_ text: String) throws {
      FileStatus.remove(path)
      try FileDescriptor.open(path, FileDescriptor.createNew, mode: 0o600).write(text.utf8)
    }
    defer { FileStatus.remove(path) }
    let bench = try bench(hosts: path)
    bench.resolvers[0].reply = { Zone(a: [v4]).reply($0) }
    #expect(try find(bench) == addresses([v4]))
    try write(
      "10.0.0.7\tGIT.example.org. git # x\n10.0.0.8 sub.git.example.org\n::5 git.example.org\nfe80::1%lo git.example.org\n"
    )
    let before = bench.resolvers[0].datagrams.count
    #expect(try find(bench) == addresses([[10, 0, 0, 7], [UInt8](repeating: 0, count: 15) + [5]]))
    #expect(bench.resolvers[0].datagrams.count == before)
    try write("10.0.0.9 git.example.org\n")
    #expect(try find(bench) == addresses([[10, 0, 0, 9]]))
    FileStatus.remove(path)
    #expect(try find(bench) == addresses([v4]))
  }
}
