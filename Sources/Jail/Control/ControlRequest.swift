/// What may be asked of a supervisor, one message each. The answer is a `JailStatus`.
package enum ControlRequest: String, Sendable {
  /// How is it?
  case status
  /// Read the configuration again, and then say how it is.
  case reload
}
