/// Why a connection has to end.
struct Refused: Error {
  let reason: Inspector.Refusal
  /// The name that was spoken.
  let name: [UInt8]

  init(_ reason: Inspector.Refusal, name: ArraySlice<UInt8> = []) {
    self.reason = reason
    self.name = Array(name.prefix(255))
  }
}
