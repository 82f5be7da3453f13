/// The responses of a connection, each in its turn and no byte more or less: a body that looks like a response is none.
///
/// They matter only for what an upgrade becomes. So a response that cannot be framed is no error; but whoever comes behind it cannot be
/// told from its body, and no upgrade can follow.
struct Answers {
  /// As many requests may be without an answer.
  static let capacity = 64
  /// The longest head or line of a chunk.
  private static let limit = 1 << 14

  /// Whether it is unknown what belongs to which response.
  private(set) var isLost = false
  /// What the last request wants the connection to become, until it is answered.
  private(set) var upgrade: Upgrade?
  /// Whether the connection has become a WebSocket.
  private(set) var isWebSocket = false

  /// The requests that have no answer yet; a bit of each whether it is HEAD, the first one lowest.
  private var count = 0
  private var heads: UInt64 = 0
  private var body = BodyReader.empty
  private var end = HeadEnd()
  private var held: [UInt8] = []

  var isFull: Bool { count == Self.capacity && !isLost }

  /// A request that goes to the server.
  mutating func expect(_ request: RequestHead) {
    upgrade = request.upgrade
    if isLost { return }
    if request.isHead { heads |= 1 << count }
    count += 1
  }

  /// What the server sends.
  mutating func read(_ bytes: ArraySlice<UInt8>) throws(Refused) {
    if isLost || isWebSocket { return }
    // Nothing is held inside of a body: its bytes are not copied.
    var rest = held.isEmpty ? bytes : (held + bytes)[...]
    do throws(Refused) {
      while !rest.isEmpty, let count = try step(rest) { rest = rest.dropFirst(count) }
      isLost = isLost || rest.count > Self.limit
    } catch {
      if error.reason == .tunnel { throw error }
      isLost = true
    }
    held = isLost || isWebSocket ? [] : Array(rest)
  }

  /// How many bytes are known; nil if there has to be more.
  private mutating func step(_ bytes: ArraySlice<UInt8>) throws(Refused) -> Int? {
    if !body.isComplete {
      let count = try body.read(bytes)
      return count > 0 ? count : nil
    }
    // A server that says more than it was asked.
    guard count > 0 else { throw Refused(.ambiguous) }
    guard let length = try end.find(bytes) else { return nil }
    end = HeadEnd()
    try take(try ResponseHead(bytes.prefix(length), toHead: heads & 1 == 1))
    return isWebSocket ? nil : length
  }

  private mutating func take(_ head: ResponseHead) throws(Refused) {
    if head.status == 101 {
      guard count == 1, upgrade == .webSocket, head.isWebSocket else { throw Refused(.tunnel) }
      isWebSocket = true
      return
    }
    if head.status < 200 { return }
    count -= 1
    heads >>= 1
    if count == 0 { upgrade = nil }
    guard let body = head.body else { throw Refused(.ambiguous) }
    self.body = body
  }
}
