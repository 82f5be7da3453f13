import Linux

/// What may be asked of a supervisor, one message each. The answer is a `JailStatus`.
package enum ControlRequest: String, Sendable {
  /// How is it?
  case status
  /// Read the configuration again, and then say how it is.
  case reload
}

/// The names of supervisors' sockets in the abstract namespace of the host's network: random, so that nobody can take one before.
enum ControlName {
  static let prefix = "claude-sandbox/"
  /// Bytes.
  static let length = prefix.utf8.count + 32

  /// One that nobody has.
  static func new() throws(SystemCallError) -> String { try prefix + randomName() }

  /// Whether a supervisor may have made this name.
  static func isOne(_ name: String) -> Bool {
    name.utf8.count == length && name.hasPrefix(prefix)
      && name.utf8.dropFirst(prefix.utf8.count).allSatisfy { "0123456789abcdef".utf8.contains($0) }
  }
}
