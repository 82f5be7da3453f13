import Linux
import Policy
import Testing

@testable import Jail

/// Which names a jail is told, over UDP and TCP.
@Suite struct NameServiceTests {
  private static let kinds = [InternetSocket.Kind.datagram, .stream]
  private static let rules = ["github.com", "*.deep.example.org", "=pypi.org", "!evil.github.com"]

  /// A jail whose names these are, and one question to it; what came back, as another reader sees it.
  private func ask(
    _ bench: Bench, _ message: [UInt8], over kind: InternetSocket.Kind
  ) throws -> ParsedMessage {
    let client = try bench.client(kind)
    let answer = kind == .stream ? try client.askFramed(message) : try client.ask(message)
    return try ParsedMessage(try #require(answer))
  }

  private func bench(_ network: String = "restricted", _ rules: [String] = rules) throws -> Bench {
    let bench = try Bench(["127.0.0.2"], directory: try directory(network, rules))
    bench.resolvers[0].reply = {
      Zone(a: [[93, 184, 10, 1]], aaaa: [[UInt8](repeating: 9, count: 16)]).reply($0)
    }
    return bench
  }

  private func asked(_ bench: Bench) -> Int {
    bench.resolvers[0].datagrams.count + bench.resolvers[0].streamed.count
  }

  private func refusals(_ bench: Bench) -> [String] {
    bench.effects.compactMap { if case .nameRefused(let name) = $0 { name } else { nil } }
  }

  /// Every type there is: nobody is asked, and nothing says that it could be kept.
  @Test(arguments: kinds) func unlistedNamesDoNotExist(_ kind: InternetSocket.Kind) throws {
    let bench = try bench()
    let names = [
      "secret.tunnel.example", "evilgithub.com", "github.com.evil.example", "example.org", "evil.github.com",
      "x.evil.github.com", "www.pypi.org", "com.github", "_dns.resolver.arpa",
      "7.100.51.198.in-addr.arpa", "1.0.0.127.in-addr.arpa", "1.in-addr.arpa", "github\0.com",
      "a b.github.com", "*.github.com",
    ]
    let types =
      (1...64).map { UInt16($0) }.filter { $0 != 41 } + [65, 99, 108, 109, 255, 256, 257, 32_769, 65_535]
    let client = try bench.client(kind)
    for name in names where name != "example.org" {
      for type in name == names[0] ? types : [1, 28, 16, 12, 65, 255] {
        let question = query(name, type: type)
        let answer = kind == .stream ? try client.askFramed(question) : try client.ask(question)
        let parsed = try ParsedMessage(try #require(answer))
        #expect(parsed.code == 3 && parsed.answers.isEmpty && parsed.authority.isEmpty, "\(name) \(type)")
        #expect(parsed.id == 0xbeef && parsed.type == Int(type))
      }
    }
    #expect(asked(bench) == 0)
    #expect(Set(refusals(bench)).count == names.count - 1)
    #expect(refusals(bench).contains("github\\000.com"))
  }

  @Test(arguments: kinds) func ofOtherClasses(_ kind: InternetSocket.Kind) throws {
    let bench = try bench()
    for name in ["github.com", "secret.example", "version.bind"] {
      for recordClass in [0, 3, 4, 254, 255] as [UInt8] {
        let question = query(name, type: 16)
        #expect(try ask(bench, changed(question, question.count - 1, recordClass), over: kind).code == 3)
      }
    }
    #expect(asked(bench) == 0)
  }

  /// A label with a dot in it is no two labels.
  @Test(arguments: [
    [10] + Array("github.com".utf8) + [0], [3] + Array("a.b".utf8) + name("github.com"),
    [6] + Array("github".utf8) + [4] + Array(".com".utf8) + [0],
    [10] + Array("github.com".utf8) + [1, 0] + name("evil.example"),
  ])
  func dotsInLabels(_ wire: [UInt8]) throws {
    let bench = try bench()
    let answer = try bench.client(.datagram).ask(cut(query("x"), to: 12) + wire + [0, 1, 0, 1])
    #expect(try #require(answer)[3] & 15 == 3)
    #expect(asked(bench) == 0)
  }

  @Test(arguments: kinds) func allowed(_ kind: InternetSocket.Kind) throws {
    let bench = try bench()
    let pool = try namePlan("restricted", Self.rules).addresses
    for (number, name) in ["GitHub.com", "api.github.com", "x.deep.example.org", "pypi.org"].enumerated() {
      for _ in 0..<2 {
        let parsed = try ask(bench, query(name, edns: true), over: kind)
        #expect(parsed.code == 0 && parsed.authority.isEmpty)
        #expect(
          parsed.answers == [
            .init(owner: name, type: 1, recordClass: 1, timeToLive: 60, data: pool.address(number).bytes)
          ])
        // RA, no AA, no AD.
        #expect(parsed.flags == 0x8180)
        #expect(
          parsed.additional == [.init(owner: "", type: 41, recordClass: 1232, timeToLive: 0, data: [])])
      }
    }
    let parsed = try ask(bench, query("github.com", type: 28), over: kind)
    #expect(parsed.code == 0 && parsed.answers.isEmpty)
    // One question for each family; the second time the answer was known.
    #expect(asked(bench) == 8)
    #expect(refusals(bench).isEmpty)
  }

  @Test func withoutEDNS() throws {
    let bench = try bench()
    for name in ["github.com", "nowhere.example", "deep.example.org", "localhost"] {
      #expect(try ask(bench, query(name), over: .datagram).additional.isEmpty)
      #expect(try ask(bench, query(name, edns: true), over: .datagram).additional.count == 1)
    }
  }

  /// What could make an address usable is empty, without asking anybody.
  @Test(arguments: kinds) func otherTypesAreEmpty(_ kind: InternetSocket.Kind) throws {
    let bench = try bench()
    for type in [64, 65, 255, 5, 39, 13, 37, 38, 44, 45, 52, 55, 256, 1000] as [UInt16] {
      let parsed = try ask(bench, query("github.com", type: type), over: kind)
      #expect(parsed.code == 0 && parsed.answers.isEmpty && parsed.authority.isEmpty, "\(type)")
    }
    #expect(asked(bench) == 0)
  }

  /// The question and nothing else that the program has put beside it.
  @Test(arguments: kinds) func harmlessTypesPass(_ kind: InternetSocket.Kind) throws {
    let bench = try bench()
    let client = try bench.client(kind)
    for type in [16, 15, 33, 2, 6, 257, 43, 48, 35, 12] as [UInt16] {
      bench.resolvers[0].reply = { answer($0, record: [1, 2, 3]) }
      let clean = query("GitHub.com", type: type, edns: true)
      let option: [UInt8] = [0, 12, 0, 4, 9, 9, 9, 9]
      let question = changed(clean, clean.count - 1, 8) + option
      let reply = kind == .stream ? try client.askFramed(question) : try client.ask(question)
      #expect(reply == answer(clean, record: [1, 2, 3]))
      let sent = try #require(
        kind == .stream ? bench.resolvers[0].streamed.last : bench.resolvers[0].datagrams.last)
      #expect(sent[2...] == clean[2...])
    }
    #expect(asked(bench) == 10)
  }

  @Test(arguments: kinds) func above(_ kind: InternetSocket.Kind) throws {
    let bench = try bench()
    for name in ["com", "org", "example.org", "deep.example.org", "."] {
      for type in [1, 28, 2, 6, 16, 255] as [UInt16] {
        let parsed = try ask(bench, query(name, type: type), over: kind)
        #expect(parsed.code == 0 && parsed.answers.isEmpty && parsed.authority.isEmpty, "\(name)")
      }
    }
    #expect(asked(bench) == 0 && refusals(bench).isEmpty)
  }

  @Test(arguments: ["localhost", "LocalHost", "x.y.localhost"]) func localhost(_ name: String) throws {
    let bench = try bench()
    #expect(try ask(bench, query(name), over: .datagram).answers.map(\.data) == [[127, 0, 0, 1]])
    let v6 = [UInt8](repeating: 0, count: 15) + [1]
    #expect(try ask(bench, query(name, type: 28), over: .stream).answers.map(\.data) == [v6])
    #expect(try ask(bench, query(name, type: 16), over: .stream).answers.isEmpty)
    #expect(asked(bench) == 0)
  }

  @Test(arguments: ["restricted", "internet"]) func pointers(_ network: String) throws {
    let bench = try bench(network, ["@git.corp"])
    let address = try #require(try ask(bench, query("git.corp"), over: .datagram).answers.first?.data)
    let before = asked(bench)
    let reverse = address.reversed().map { "\($0)" }.joined(separator: ".") + ".in-addr.arpa"
    let parsed = try ask(bench, query(reverse, type: 12), over: .datagram)
    #expect(parsed.answers.map(\.data) == [name("git.corp")] && parsed.answers[0].type == 12)
    #expect(try ask(bench, query(reverse, type: 16), over: .stream).code == 0)
    // The next one is nobody's yet.
    let next = "\(address[3] + 1).\(address[2]).\(address[1]).\(address[0]).in-addr.arpa"
    #expect(try ask(bench, query(next, type: 12), over: .stream).code == 3)
    #expect(asked(bench) == before)
  }

  @Test(arguments: kinds) func internet(_ kind: InternetSocket.Kind) throws {
    let bench = try bench("internet", ["@git.corp", "!ads.example"])
    let client = try bench.client(kind)
    // As on the host: bytes and all.
    for question in [
      query("www.example.com", type: 65, edns: true), query("corp", type: 28), query("localhost"),
      query("a b.example"),
      query("1.0.0.127.in-addr.arpa", type: 12),
    ] {
      bench.resolvers[0].reply = { answer($0, record: record(1)) }
      let reply = kind == .stream ? try client.askFramed(question) : try client.ask(question)
      #expect(reply == answer(question, record: record(1)))
    }
    #expect(asked(bench) == 5)
    for name in ["ads.example", "x.ADS.example", "a b.ads.example"] {
      #expect(try ask(bench, query(name), over: kind).code == 3)
    }
    #expect(asked(bench) == 5)
    #expect(refusals(bench) == ["ads.example", "x.ads.example", "a\\032b.ads.example"])
    bench.resolvers[0].reply = Zone(a: [[10, 0, 0, 7]]).reply
    #expect(try ask(bench, query("git.corp"), over: kind).answers.map { $0.data.prefix(2) } == [[198, 19]])
    #expect(try ask(bench, query("git.corp", type: 28), over: kind).answers.isEmpty)
  }

  @Test func manyNames() throws {
    let names = try directory("restricted", ["example.org"])
    var request = try DNSRequest(query("x.example.org"))
    let found = NameResult.addresses([try #require(IPAddress("93.184.10.1"))])
    for number in 0..<NameAddresses.mostNames {
      let (answer, effects) = names.answer(request, try #require(DomainName("n\(number).example.org")), found)
      #expect(answer[3] == 0x80 && effects.isEmpty)
    }
    request.id = 1
    for round in 0..<3 {
      let (answer, effects) = names.answer(
        request, try #require(DomainName("more\(round).example.org")), found)
      #expect(answer[3] == 0x82)
      #expect(effects.count == (round == 0 ? 1 : 0))
    }
    // Those that there are stay.
    #expect(names.answer(request, try #require(DomainName("n7.example.org")), found).0[3] == 0x80)
  }

  /// Where nobody would connect, no name is told; what is not allowed stays unknown.
  @Test(arguments: kinds) func withoutRelay(_ kind: InternetSocket.Kind) throws {
    let names = try directory("restricted", ["github.com"])
    names.isServing = false
    let bench = try Bench(["127.0.0.2"], directory: names)
    for type in [1, 28, 16] as [UInt16] {
      #expect(try ask(bench, query("github.com", type: type), over: kind).code == 2)
    }
    #expect(try ask(bench, query("example.org"), over: kind).code == 3)
    #expect(asked(bench) == 0)
  }
}
