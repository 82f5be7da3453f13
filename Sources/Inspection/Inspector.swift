/// Watches what is spoken over a connection to a name, and says what may go on.
public struct Inspector {
  /// Why a connection must end.
  public enum Refusal: UInt8, CaseIterable, Sendable {
    /// TLS for another name, or for an address.
    case otherServerName = 1
    /// TLS without a name on port 443.
    case noServerName
    /// HTTP for another host.
    case otherHost
    /// HTTP that two readers might read in two ways.
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
    /// So many from the front may be passed on. What is left has to be kept, and shown again with what comes behind it.
    case pass(Int)
    /// Reset the connection; the name that was spoken, if there was one: as it came.
    case refuse(Refusal, name: [UInt8])
  }

  /// Whether nothing has to be shown any more, in either direction.
  public private(set) var isDone = false
  /// Whether it holds something back until more comes. Whoever lets it wait for long is to be reset.
  public private(set) var isWaiting = false

  /// `names` in lower case: the name, and those that stand for it.
  public init(names: [String], port: UInt16) {}

  /// What the jail sends, in order; what was held back comes again.
  public mutating func sent(_ bytes: ArraySlice<UInt8>) -> Outcome { .pass(bytes.count) }

  /// What the peer sends, in order; it is never held back.
  public mutating func received(_ bytes: ArraySlice<UInt8>) -> Outcome { .pass(bytes.count) }
}
