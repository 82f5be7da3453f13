/// Watches what is spoken over a connection to a name, and says what may go on.
///
/// TLS is watched until the server has taken the name, HTTP/1 for as long as it lasts, since each request names a host. What is neither
/// passes, but not on port 80. Only what is not judged yet is held: the beginning, a ClientHello, a head, the line of a chunk.
public struct Inspector {
  /// Why a connection must end.
  public enum Refusal: UInt8, CaseIterable, Sendable {
    /// TLS for another name, or for an address.
    case otherServerName = 1
    /// TLS without a name on port 443.
    case noServerName
    /// HTTP for another host.
    case otherHost
    /// HTTP or TLS that two readers might read in two ways.
    case ambiguous
    /// A method or an upgrade that would lead elsewhere: CONNECT, h2c.
    case tunnel
    /// Neither HTTP/1 nor TLS on port 80.
    case notHTTP
    /// The beginning is too long, or took too long.
    case incomplete
  }

  /// What to do with bytes.
  public enum Outcome: Sendable, Hashable {
    /// So many from the front may be passed on. What is left has to be kept, and shown again with what comes behind it, or alone when
    /// the peer has sent something: its answer may be what is waited for.
    case pass(Int)
    /// Reset the connection; the name that was spoken, if there was one: as it came, its first 255 bytes.
    case refuse(Refusal, name: [UInt8])
  }

  /// The longest beginning, ClientHello or head.
  public static let limit = 1 << 16

  enum Spoken {
    case unknown, tls, http, other
  }

  /// Whether nothing has to be shown any more, in either direction. What is held may be passed on.
  public private(set) var isDone = false
  /// Whether it holds something back until more comes. Whoever lets it wait for long is to be reset.
  public private(set) var isWaiting = false

  private let served: ServedNames
  private var spoken = Spoken.unknown
  private var beginning: Beginning
  private var tls = TLSConversation()
  private var http = HTTPConversation()
  private var hasSent = false
  private var refused: Refused?

  /// `names` in lower case: the name, and those that stand for it.
  public init(names: [String], port: UInt16) {
    served = ServedNames(names, port: port)
    beginning = Beginning(port: port)
  }

  /// What the jail sends, in order; what was held back comes again.
  public mutating func sent(_ bytes: ArraySlice<UInt8>) -> Outcome {
    if isDone || bytes.isEmpty { return .pass(bytes.count) }
    hasSent = true
    return outcome { (inspector: inout Inspector) throws(Refused) in
      let passed = try inspector.passed(bytes)
      inspector.isWaiting = passed < bytes.count
      if inspector.isWaiting && bytes.count - passed >= Self.limit { throw Refused(.incomplete) }
      return passed
    }
  }

  /// What the peer sends, in order; it is never held back.
  public mutating func received(_ bytes: ArraySlice<UInt8>) -> Outcome {
    if isDone || bytes.isEmpty { return .pass(bytes.count) }
    return outcome { (inspector: inout Inspector) throws(Refused) in
      try inspector.watch(bytes)
      if inspector.isDone { inspector.isWaiting = false }
      return bytes.count
    }
  }

  private mutating func outcome(_ judge: (inout Inspector) throws(Refused) -> Int) -> Outcome {
    if let refused { return .refuse(refused.reason, name: refused.name) }
    do throws(Refused) {
      return .pass(try judge(&self))
    } catch {
      refused = error
      return .refuse(error.reason, name: error.name)
    }
  }

  private mutating func passed(_ bytes: ArraySlice<UInt8>) throws(Refused) -> Int {
    if spoken == .unknown { spoken = try beginning.read(bytes) }
    switch spoken {
    case .unknown: return 0
    case .tls:
      let count = try tls.sent(bytes, served)
      isDone = tls.isDone
      return isDone ? bytes.count : count
    case .http:
      let count = try http.sent(bytes, served)
      isDone = http.isDone
      return isDone ? bytes.count : count
    case .other:
      isDone = true
      return bytes.count
    }
  }

  private mutating func watch(_ bytes: ArraySlice<UInt8>) throws(Refused) {
    switch spoken {
    // Servers of HTTP and TLS do not speak first. On their own ports, what comes first lets nothing through, and is no answer.
    case .unknown:
      try http.received(bytes)
      isDone = !hasSent && served.port != 80 && served.port != 443
    case .tls:
      tls.received(bytes)
      isDone = tls.isDone
    case .http: try http.received(bytes)
    case .other: break
    }
  }
}
