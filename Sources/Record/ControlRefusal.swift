/// Why a running jail does not do what it is asked by its control socket: the answer in place of a status.
public struct ControlRefusal: Codable, Error, Equatable, Sendable {
  /// One line. Of another user's jail it is hostile.
  public let refusal: String

  /// A refusal for a reason.
  public init(refusal: String) { self.refusal = refusal }

  /// As JSON.
  public var json: [UInt8] { Array(JSONValue.object([("refusal", .string(refusal))]).text.utf8) }
}
