/// TLS, until the server has taken a ClientHello. A server may ask for a second one (HelloRetryRequest, RFC 8446 section 4.1.4), and some
/// choose by the name in that; so what the jail says in clear before the server's answer is held, and a second one judged like the first.
struct TLSConversation {
  private enum Stage {
    case hello, answer, secondHello, done
  }

  private var stage = Stage.hello
  private var records = HandshakeRecords()
  private var answer = ServerAnswer()
  /// What is left of a record that needs no look.
  private var skipped = 0

  var isDone: Bool { stage == .done }

  /// How many bytes may go on.
  mutating func sent(_ bytes: ArraySlice<UInt8>, _ served: ServedNames) throws(Refused) -> Int {
    var rest = bytes
    while stage != .done {
      if stage != .hello {
        rest = rest.dropFirst(try skip(rest))
        // The server's answer comes first.
        if stage == .answer { break }
      }
      guard let (end, body) = try records.read(rest) else { break }
      try judge(body, served)
      rest = rest.dropFirst(end)
      stage = stage == .hello ? .answer : .done
      records = HandshakeRecords()
    }
    return bytes.count - rest.count
  }

  /// What the server says.
  mutating func received(_ bytes: ArraySlice<UInt8>) {
    guard stage == .answer, let wantsMore = answer.wantsAnotherHello(bytes) else { return }
    stage = wantsMore ? .secondHello : .done
  }

  private func judge(_ body: ArraySlice<UInt8>, _ served: ServedNames) throws(Refused) {
    guard let name = try ClientHello.serverName(body) else {
      if served.port == 443 { throw Refused(.noServerName) }
      return
    }
    guard served.contains(name) else { throw Refused(.otherServerName, name: name) }
  }

  /// How many bytes of records come before the next part of a handshake: early data, and what is there for middleboxes only.
  private mutating func skip(_ bytes: ArraySlice<UInt8>) throws(Refused) -> Int {
    var rest = bytes
    while true {
      let count = min(skipped, rest.count)
      skipped -= count
      rest = rest.dropFirst(count)
      guard let record = try Record(rest), record.content != .handshake else { break }
      skipped = record.length
    }
    return bytes.count - rest.count
  }
}
