import Testing

@testable import Jail

@Suite struct DNSRequestTests {
  static let plain = query("www.example.com")
  static let longestName = Array(repeating: String(repeating: "a", count: 61), count: 4).joined(
    separator: ".")

  @Test(arguments: [
    plain,
    query("."),
    query("www.example.com", type: 65, edns: true),
    query("example.com", type: 255),
    // 255 bytes: 4 × 62, one label of 5, and the root.
    query(longestName + ".abcde"),
    plain + [UInt8](repeating: 7, count: DNSRequest.longest - plain.count),
    // AD and CD are the client's business.
    changed(plain, 3, 0x30),
  ])
  func forwarded(_ message: [UInt8]) throws {
    #expect(try DNSRequest(message).bytes == message)
  }

  @Test(arguments: [
    [],
    cut(plain, to: 11),
    answer(plain),
    plain + [UInt8](repeating: 7, count: DNSRequest.longest - plain.count + 1),
  ])
  func ignored(_ message: [UInt8]) {
    #expect(throws: DNSRequest.Rejection.ignore) { try DNSRequest(message) }
  }

  /// The opcodes (IQUERY, STATUS, NOTIFY, UPDATE, DSO and unassigned ones) get NOTIMP with the opcode kept.
  @Test(arguments: [1, 2, 4, 5, 6, 3, 15] as [UInt8])
  func otherOpcodes(_ opcode: UInt8) {
    let message = changed(Self.plain, 2, opcode << 3 | 1)
    let response: [UInt8] = [0xbe, 0xef, 0x81 | opcode << 3, 0x84, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(throws: DNSRequest.Rejection.respond(response)) { try DNSRequest(message) }
  }

  @Test(arguments: [
    // No question, two, 256 + 1.
    changed(plain, 5, 0), changed(plain, 5, 2), changed(plain, 4, 1),
    cut(plain, to: 12), Array(plain.dropLast()),
    // A label that is longer than the rest; a pointer; the two reserved kinds.
    changed(plain, 12, 63), changed(plain, 12, 0xc0), changed(plain, 12, 0x40), changed(plain, 12, 0x80),
    query(longestName + ".abcdef"),
  ])
  func formatErrors(_ message: [UInt8]) {
    let response: [UInt8] = [0xbe, 0xef, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(throws: DNSRequest.Rejection.respond(response)) { try DNSRequest(message) }
  }

  /// With what would be a question behind it.
  @Test(arguments: [64, 127, 128, 191, 192, 255] as [UInt8])
  func longLabels(_ length: UInt8) {
    let label = [length] + [UInt8](repeating: 0x61, count: Int(length))
    let message = cut(Self.plain, to: 12) + label + [0, 0, 1, 0, 1]
    let response: [UInt8] = [0xbe, 0xef, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(throws: DNSRequest.Rejection.respond(response)) { try DNSRequest(message) }
  }

  /// TKEY, TSIG, IXFR, AXFR, and the types beside them.
  @Test(arguments: [249, 250, 251, 252] as [UInt16])
  func refusedTypes(_ type: UInt16) {
    let message = query("corp.example", type: type, edns: true)
    let response = changed(answer(query("corp.example", type: type), code: 5), 11, 0)
    #expect(throws: DNSRequest.Rejection.respond(response)) { try DNSRequest(message) }
    #expect(throws: Never.self) { try DNSRequest(query("corp.example", type: type | 0x0100)) }
  }

  @Test func responseWithoutRecords() throws {
    let request = try DNSRequest(query("a.example", edns: true))
    #expect(request.response(.serverFailure) == answer(query("a.example"), code: 2))
  }

  @Test func identifier() throws {
    var request = try DNSRequest(Self.plain)
    #expect(request.id == 0xbeef)
    request.id = 0x1234
    #expect(request.bytes == query("www.example.com", id: 0x1234))
  }

  @Test(arguments: [
    answer(plain, record: record(1)),
    answer(plain, code: 3),
    changed(answer(plain), 2, 0x87),
    // Another spelling of the same name.
    answer(query("WWW.Example.com")),
    // A server that understood nothing of it.
    [0xbe, 0xef, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0],
  ])
  func answers(_ message: [UInt8]) throws {
    #expect(try DNSRequest(Self.plain).isAnswered(by: message[...]))
    let inside = ([1, 2, 3] + message)[3...]
    #expect(try DNSRequest(Self.plain).isAnswered(by: inside))
  }

  @Test(arguments: [
    [], plain, cut(answer(plain), to: 11), Array(answer(plain).dropLast()),
    changed(answer(plain), 0, 0), changed(answer(plain), 1, 0),
    // Another opcode, another name, type or class, no question with NOERROR, two questions.
    changed(answer(plain), 2, 0xa9), answer(query("www.example.org")),
    answer(query("www.example.com", type: 28)),
    changed(answer(plain), plain.count - 1, 3), changed(answer(plain), 5, 0), changed(answer(plain), 5, 2),
  ])
  func foreignAnswers(_ message: [UInt8]) throws {
    #expect(try !DNSRequest(Self.plain).isAnswered(by: message[...]))
  }

  /// 65 is a capital letter in a name, and HTTPS as a type; 97 is something else.
  @Test func typesHaveNoCase() throws {
    let request = try DNSRequest(query("example.com", type: 65))
    #expect(!request.isAnswered(by: answer(query("example.com", type: 97))[...]))
  }

  @Test(arguments: zip([0, 1, 2, 3, 4, 5, 9] as [UInt8], [false, false, true, false, true, true, false]))
  func failures(_ code: UInt8, _ isFailure: Bool) {
    #expect(DNSRequest.isFailure(answer(Self.plain, code: code)[...]) == isFailure)
  }

  @Test func randomBytes() throws {
    var generator = SystemRandomNumberGenerator()
    let valid = try DNSRequest(Self.plain)
    for round in 0..<20_000 {
      var bytes = round % 2 == 0 ? Self.plain : [UInt8](repeating: 0, count: .random(in: 0...64))
      for _ in 0..<(round % 2 == 0 ? 2 : bytes.count) where !bytes.isEmpty {
        bytes[.random(in: bytes.indices)] = .random(in: 0...255, using: &generator)
      }
      _ = try? DNSRequest(bytes)
      _ = valid.isAnswered(by: bytes[...])
    }
  }
}
