/// A query that may be forwarded: one well-formed question (RFC 1035 section 4.1). Everything behind the
/// question is opaque, so that EDNS and whatever comes after it pass through.
struct DNSRequest {
  /// The whole message.
  private(set) var bytes: [UInt8]
  /// Where the question ends and the other sections start.
  let questionEnd: Int

  /// The longest query that is taken, in bytes: a name, an OPT record and its padding need less than a
  /// quarter of it.
  static let longest = 4096
  static let headerLength = 12

  /// Why a message is not forwarded.
  enum Rejection: Error, Equatable {
    /// Not a query at all: no answer would be right.
    case ignore
    /// A query that gets this response.
    case respond([UInt8])
  }

  /// Response codes (RFC 1035 section 4.1.1).
  enum ResponseCode: UInt8 {
    case noError = 0
    case formatError = 1
    case serverFailure = 2
    /// There is no such name.
    case nameError = 3
    case notImplemented = 4
    case refused = 5
  }

  init(_ message: some Collection<UInt8>) throws(Rejection) {
    bytes = Array(message)
    guard bytes.count >= Self.headerLength, bytes.count <= Self.longest, bytes[2] & 0x80 == 0 else {
      throw .ignore
    }
    // An UPDATE or a NOTIFY is not a question: it would change something inside of an internal server.
    guard bytes[2] & 0x78 == 0 else {
      throw .respond(Self.response(to: bytes[..<Self.headerLength], .notImplemented))
    }
    // RFC 9619: a query has exactly one question.
    guard bytes[4] == 0, bytes[5] == 1, let end = Self.endOfQuestion(in: bytes) else {
      throw .respond(Self.response(to: bytes[..<Self.headerLength], .formatError))
    }
    questionEnd = end
    // TKEY, TSIG (RFC 8945), IXFR and AXFR (RFC 5936): keys made in a server, and whole zones of it. Not
    // lookups.
    if (249...252).contains(type.rawValue) { throw .respond(response(.refused)) }
  }

  /// One that was made here.
  init(bytes: [UInt8], questionEnd: Int) {
    self.bytes = bytes
    self.questionEnd = questionEnd
  }

  var id: UInt16 {
    get { UInt16(bytes[0]) << 8 | UInt16(bytes[1]) }
    set { (bytes[0], bytes[1]) = (UInt8(newValue >> 8), UInt8(newValue & 0xff)) }
  }

  var type: DNSType { DNSType(rawValue: bytes.word(at: questionEnd - 4)) }

  /// Whether it is about the internet (class IN), as all lookups are.
  var isInternet: Bool { bytes.word(at: questionEnd - 2) == 1 }

  /// The labels of the name, the first one first; none of the root.
  var labels: [ArraySlice<UInt8>] {
    var labels: [ArraySlice<UInt8>] = []
    var position = Self.headerLength
    while bytes[position] != 0 {
      let end = position + 1 + Int(bytes[position])
      labels.append(bytes[(position + 1)..<end])
      position = end
    }
    return labels
  }

  /// The record by which the client speaks EDNS (RFC 6891), if it does.
  var options: DNSRecords.Record? {
    let count = [6, 8, 10].reduce(0) { $0 + Int(bytes.word(at: $1)) }
    return DNSRecords(bytes, from: questionEnd, count: count).first { $0.type == DNSType.opt.rawValue }
  }

  /// The name in lower case, as RFC 1035 section 5.1 writes it: what would be mistaken is escaped, what cannot be printed is
  /// three digits. Without the dot at its end.
  var name: String {
    var text = ""
    for label in labels {
      if !text.isEmpty { text += "." }
      for byte in label { text += Self.escaped(Self.lowercase(byte)) }
    }
    return text.isEmpty ? "." : text
  }

  private static func escaped(_ byte: UInt8) -> String {
    switch byte {
    case UInt8(ascii: "."), UInt8(ascii: "\\"): return "\\" + String(Character(Unicode.Scalar(byte)))
    case 0x21..<0x7f: return String(Character(Unicode.Scalar(byte)))
    default: return "\\" + (byte < 100 ? byte < 10 ? "00" : "0" : "") + "\(byte)"
    }
  }

  /// A response without records.
  func response(_ code: ResponseCode) -> [UInt8] { Self.response(to: bytes[..<questionEnd], code) }

  /// Whether a message is a response to this request: same ID, same question. A server that rejects a query
  /// may leave the question out.
  func isAnswered(by message: ArraySlice<UInt8>) -> Bool {
    let message = Array(message.prefix(questionEnd))
    guard message.count >= Self.headerLength, message[0] == bytes[0], message[1] == bytes[1],
      message[2] & 0xf8 == 0x80
    else { return false }
    if message[4] == 0, message[5] == 0 { return message[3] & 0x0f != 0 }
    guard message.count == questionEnd, message[4] == 0, message[5] == 1 else { return false }
    // Letters of the name compare without case (RFC 4343). Label lengths are no letters; type and class are
    // not text.
    let name = Self.headerLength..<questionEnd - 4
    return message[name].elementsEqual(bytes[name]) { Self.lowercase($0) == Self.lowercase($1) }
      && message[name.upperBound...].elementsEqual(bytes[name.upperBound..<questionEnd])
  }

  /// Whether another resolver might give a better answer: SERVFAIL, NOTIMP or REFUSED, as the C library sees
  /// it.
  static func isFailure(_ response: ArraySlice<UInt8>) -> Bool {
    switch ResponseCode(rawValue: response[response.startIndex + 3] & 0x0f) {
    case .serverFailure, .notImplemented, .refused: true
    case .noError, .formatError, .nameError, nil: false
    }
  }

  private static func lowercase(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }

  /// The end of the first question; nil when it is malformed. There is nothing that its name could point back
  /// to.
  private static func endOfQuestion(in bytes: [UInt8]) -> Int? {
    var position = headerLength
    while position < bytes.count, bytes[position] != 0 {
      guard bytes[position] < 64 else { return nil }
      position += 1 + Int(bytes[position])
    }
    let end = position + 5
    // RFC 1035 section 2.3.4: a name has at most 255 bytes.
    return end <= bytes.count && end - 4 - headerLength <= 255 ? end : nil
  }

  /// The header, and the question if `query` has one, made into a response: QR and RA set, opcode and RD
  /// kept.
  private static func response(to query: ArraySlice<UInt8>, _ code: ResponseCode) -> [UInt8] {
    var response = Array(query)
    response[2] = 0x80 | response[2] & 0x79
    response[3] = 0x80 | code.rawValue
    response.replaceSubrange(
      4..<headerLength, with: [0, query.count > headerLength ? 1 : 0, 0, 0, 0, 0, 0, 0])
    return response
  }
}
