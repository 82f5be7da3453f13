/// HTTP/1: every request of a connection is judged before it goes on, and nothing follows one that asks for an upgrade until it is answered.
struct HTTPConversation {
  private var body = BodyReader.empty
  private var end = HeadEnd()
  private var answers = Answers()

  /// Whether a WebSocket has begun.
  private(set) var isDone = false

  /// How many bytes may go on.
  mutating func sent(_ bytes: ArraySlice<UInt8>, _ served: ServedNames) throws(Refused) -> Int {
    var rest = bytes
    while !rest.isEmpty, !isDone, let count = try step(rest, served) { rest = rest.dropFirst(count) }
    return bytes.count - rest.count
  }

  /// What the server says.
  mutating func received(_ bytes: ArraySlice<UInt8>) throws(Refused) { try answers.read(bytes) }

  /// How many bytes may go on; nil if there has to be more, from either side.
  private mutating func step(_ bytes: ArraySlice<UInt8>, _ served: ServedNames) throws(Refused) -> Int? {
    if !body.isComplete {
      let count = try body.read(bytes)
      return count > 0 ? count : nil
    }
    if answers.isWebSocket { return try frame(bytes) }
    if answers.upgrade != nil {
      if answers.isLost { throw Refused(.tunnel) }
      return nil
    }
    guard !answers.isFull, let length = try end.find(bytes) else { return nil }
    end = HeadEnd()
    let head = try RequestHead(bytes.prefix(length), served)
    if head.upgrade != nil, answers.isLost { throw Refused(.tunnel) }
    answers.expect(head)
    body = head.body
    return length
  }

  /// A WebSocket begins with a masked frame (RFC 6455 section 5.2), which no server takes for a request: even one that did not mean to
  /// begin a WebSocket gets no request past this.
  private mutating func frame(_ bytes: ArraySlice<UInt8>) throws(Refused) -> Int? {
    guard bytes.count >= 2 else { return nil }
    let first = bytes[bytes.startIndex]
    let isData = (1...2).contains(first & 0x3f)
    let isControl = (0x88...0x8a).contains(first)
    let isMasked = bytes[bytes.startIndex + 1] & 0x80 != 0
    guard isData || isControl, isMasked else { throw Refused(.tunnel) }
    isDone = true
    return 0
  }
}
