package import Policy

/// What may be asked of a supervisor, one message each. The answer is a `JailStatus`, or a `ControlRefusal`.
package enum ControlRequest: Equatable, Sendable {
  /// How is it?
  case status
  /// Read the configuration again, and then say how it is.
  case reload
  /// Which of the jail's ports are listened on? A status that says it.
  case listening
  /// Connect to a TCP port of the jail, on loopback: the connected socket comes with the answer.
  case connect(port: UInt16)
  /// Make a port of the jail reachable.
  case publish(PublishedPort)
  /// Take that back.
  case unpublish(PublishedPort)
}

extension ControlRequest {
  /// The longest text. Bytes.
  static let longest = 80

  /// The message.
  package var text: String {
    switch self {
    case .status: "status"
    case .reload: "reload"
    case .listening: "listening"
    case .connect(let port): "connect \(port)"
    case .publish(let port): "publish \(port)"
    case .unpublish(let port): "unpublish \(port)"
    }
  }

  /// nil for anything else than one whole request.
  package init?(text: String) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    switch (words.first, words.count) {
    case ("status", 1): self = .status
    case ("reload", 1): self = .reload
    case ("listening", 1): self = .listening
    case ("connect", 2):
      guard let port = UInt16(words[1]), port > 0 else { return nil }
      self = .connect(port: port)
    case ("publish", 2):
      guard let port = try? PublishedPort(parsing: String(words[1])) else { return nil }
      self = .publish(port)
    case ("unpublish", 2):
      guard let port = try? PublishedPort(parsing: String(words[1])) else { return nil }
      self = .unpublish(port)
    default: return nil
    }
  }
}
