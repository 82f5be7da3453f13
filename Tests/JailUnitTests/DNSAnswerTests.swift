import Linux
import Policy
import Testing

@testable import Jail

@Suite struct DNSAnswerTests {
  private func addresses(_ records: [[UInt8]], count: Int? = nil) throws -> [String] {
    let query = query("www.example.com")
    var message = answer(query, record: records.flatMap(\.self))
    let count = count ?? records.count
    (message[6], message[7]) = (UInt8(count >> 8), UInt8(count & 255))
    return DNSAnswer(message[...], from: try DNSRequest(query).questionEnd).addresses.map { "\($0)" }
  }

  private let pointer: [UInt8] = [0xc0, 12]
  private func entry(
    owner: [UInt8] = [0xc0, 12], type: UInt8 = 1, class: UInt8 = 1, _ data: [UInt8]
  ) -> [UInt8] {
    owner + [0, type, 0, `class`, 0, 0, 0, 60, UInt8(data.count >> 8), UInt8(data.count & 255)] + data
  }

  @Test func bothFamilies() throws {
    let v6 = [UInt8](repeating: 0, count: 15) + [7]
    #expect(try addresses([entry([10, 1, 2, 3]), entry(type: 28, v6)]) == ["10.1.2.3", "::7"])
  }

  @Test func behindCNAMEs() throws {
    let alias = entry(type: 5, name("other.example"))
    #expect(try addresses([alias, entry(owner: name("other.example"), [10, 1, 2, 3])]) == ["10.1.2.3"])
  }

  /// Another class, another length, another type.
  @Test func othersArePassedOver() throws {
    let records = [
      entry(class: 3, [10, 1, 2, 3]), entry([10, 1, 2]), entry(type: 28, [10, 1, 2, 3]),
      entry(type: 16, [1, 65]),
      entry([10, 9, 9, 9]),
    ]
    #expect(try addresses(records) == ["10.9.9.9"])
  }

  @Test func isBounded() throws {
    let records = [[UInt8]](repeating: entry([10, 1, 2, 3]), count: 200)
    #expect(try addresses(records).count == 16)
    let odd = [[UInt8]](repeating: entry(type: 16, []), count: 64)
    #expect(try addresses(odd + [entry([10, 1, 2, 3])]).isEmpty)
  }

  /// Lengths and counts that are not true, pointers to themselves, names without an end.
  @Test func malformed() throws {
    #expect(try addresses([], count: 65_535).isEmpty)
    #expect(try addresses([entry([10, 1, 2, 3])], count: 65_535) == ["10.1.2.3"])
    #expect(try addresses([[0xc0]], count: 1).isEmpty)
    #expect(try addresses([[0xc0, 33, 0, 1, 0, 1, 0, 0, 0, 60, 0xff, 0xff]]).isEmpty)
    #expect(try addresses([[UInt8](repeating: 1, count: 600)]).isEmpty)
    #expect(try addresses([[0x80, 0, 0, 1]]).isEmpty)
    let whole = entry([10, 1, 2, 3])
    for count in 0..<whole.count { #expect(try addresses([Array(whole[..<count])]).isEmpty) }
    #expect(DNSAnswer([], from: 12).addresses.isEmpty)
  }

  @Test func failuresHaveNone() throws {
    let query = query("www.example.com")
    var message = answer(query, code: 3, record: entry([10, 1, 2, 3]))
    message[7] = 1
    #expect(DNSAnswer(message[...], from: try DNSRequest(query).questionEnd).addresses.isEmpty)
  }

  @Test(
    arguments: [
      ([3, 0x57, 0x77, 0x57, 2, 0x63, 0x6f, 0], "www.co"), ([0], "."), ([3, 0x61, 0x2e, 0x62, 0], "a\\.b"),
      ([4, 0x1b, 0x0a, 0x5c, 0xff, 0], "\\027\\010\\\\\\255"), ([1, 0x20, 0], "\\032"),
    ] as [([UInt8], String)])
  func text(_ labels: [UInt8], _ text: String) throws {
    let message = Array(query("")[..<12]) + labels + [0, 1, 0, 1]
    #expect(try DNSRequest(message).name == text)
  }

  /// The supervisor is told, over UDP and TCP.
  @Test(arguments: [InternetSocket.Kind.datagram, .stream]) func effects(_ kind: InternetSocket.Kind) throws {
    let bench = try Bench(["127.0.0.2"])
    let reply = entry([10, 1, 2, 3])
    bench.resolvers[0].reply = { question in
      var message = answer(question, record: reply)
      message[7] = 1
      return message
    }
    let question = query("DB.example.com")
    let client = try bench.client(kind)
    _ = kind == .stream ? try client.askFramed(question) : try client.ask(question)
    let told = bench.effects.map { "\($0)" }
    #expect(told.count == 2 && told[0] == "nameAsked(\"db.example.com\")", "\(told)")
    guard case .nameAnswered("db.example.com", let addresses) = bench.effects[1] else {
      throw CancellationError()
    }
    #expect(addresses.map { "\($0)" } == ["10.1.2.3"])
  }
}
