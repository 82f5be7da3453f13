import Inspection
import Linux

/// What the inspector sees of a connection, and what it holds back.
struct RelayInspection {
  private var inspector: Inspector
  private var held: [UInt8] = []
  /// When it has waited too long for what it wants to see.
  private(set) var deadline: Instant?

  /// How long.
  static let patience = Duration.seconds(10)

  init(_ inspector: Inspector) { self.inspector = inspector }

  var isHolding: Bool { !held.isEmpty }

  /// The jail has sent this: what may be passed on now, of it and of what was held back.
  mutating func sent(_ bytes: ArraySlice<UInt8>, now: Instant) throws(RelayEnding) -> ArraySlice<UInt8> {
    if inspector.isDone && held.isEmpty { return bytes }
    let shown = held.isEmpty ? bytes : (held + bytes)[...]
    switch inspector.isDone ? .pass(shown.count) : inspector.sent(shown) {
    case .pass(let count):
      held = Array(shown.dropFirst(count))
      if held.count >= Inspector.limit { throw .refused(.incomplete, name: []) }
      note(now)
      return shown.prefix(count)
    case .refuse(let refusal, let name): throw .refused(refusal, name: name)
    }
  }

  /// The peer has sent this, which is passed on: what may be passed on to it now, of what was held back.
  mutating func received(_ bytes: ArraySlice<UInt8>, now: Instant) throws(RelayEnding) -> ArraySlice<UInt8> {
    if inspector.isDone { return [] }
    if case .refuse(let refusal, let name) = inspector.received(bytes) {
      throw .refused(refusal, name: name)
    }
    return held.isEmpty ? [] : try sent([], now: now)
  }

  /// The time counts from when it began to wait, however often a little more comes.
  private mutating func note(_ now: Instant) {
    deadline = inspector.isWaiting ? deadline ?? now + Self.patience : nil
  }
}
