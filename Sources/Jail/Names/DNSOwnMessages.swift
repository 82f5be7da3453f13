import Policy

// Messages that are made here, and not passed on.

extension DNSRequest {
  /// What no path breaks into pieces. Bytes.
  private static let datagramLength: UInt16 = 1232
  /// Seconds. A name keeps its address as long as the jail lives, but may cease to be allowed.
  private static let timeToLive: UInt8 = 60

  /// A question of our own about a name, with the ID 0.
  init(_ name: DomainName, _ type: DNSType, hasOptions: Bool) {
    // RD, one question.
    let header: [UInt8] = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, hasOptions ? 1 : 0]
    let question = Self.wire(name) + type.rawValue.bytes + [0, 1]
    self.init(
      bytes: header + question + (hasOptions ? Self.options(Self.datagramLength) : []),
      questionEnd: header.count + question.count)
  }

  /// The same question and nothing else that might mean something to somebody: of EDNS, how long an answer may be and whether signatures
  /// are wanted.
  var bare: DNSRequest {
    // RD, AD and CD stay.
    let flags = [bytes[2] & 0x01, bytes[3] & 0x30]
    let options = options.map { Self.options($0.recordClass, isSigned: $0.timeToLive & 0x8000 != 0) } ?? []
    let counts: [UInt8] = [0, 1, 0, 0, 0, 0, 0, options.isEmpty ? 0 : 1]
    return DNSRequest(
      bytes: bytes[..<2] + flags + counts + bytes[Self.headerLength..<questionEnd] + options,
      questionEnd: questionEnd)
  }

  /// An answer with at most one record, whose owner is the name as it was asked for. With EDNS if the client speaks it (RFC 6891 section
  /// 7). Without an SOA record, nobody remembers that there is nothing.
  func answer(_ code: ResponseCode, _ record: (type: DNSType, data: [UInt8])? = nil) -> [UInt8] {
    var answer = response(code)
    if let record {
      answer[7] = 1
      answer +=
        [0xc0, UInt8(Self.headerLength)] + record.type.rawValue.bytes + [0, 1, 0, 0, 0, Self.timeToLive]
      answer += UInt16(record.data.count).bytes + record.data
    }
    if options != nil {
      answer[11] = 1
      answer += Self.options(Self.datagramLength)
    }
    return answer
  }

  /// A name's labels, each behind its length, and the root's.
  static func wire(_ name: DomainName) -> [UInt8] {
    name.labels.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }

  /// An OPT record without options (RFC 6891 section 6.1.2).
  private static func options(_ length: UInt16, isSigned: Bool = false) -> [UInt8] {
    [0] + DNSType.opt.rawValue.bytes + length.bytes + [0, 0, isSigned ? 0x80 : 0, 0, 0, 0]
  }
}

extension UInt16 {
  /// In network order.
  fileprivate var bytes: [UInt8] { [UInt8(self >> 8), UInt8(self & 0xff)] }
}
