import Inspection

/// A connection that goes through the inspector: what passes, and what becomes of it.
struct Relayed {
  private(set) var inspector: Inspector
  /// What the jail sent and the peer gets, and how much of it before it was known that nothing need be inspected.
  private(set) var passed: [UInt8] = []
  private(set) var inspected = 0
  private(set) var refusal: Inspector.Refusal?
  private(set) var held: [UInt8] = []
  private(set) var isServerFirst = false

  static let name = "example.org"

  init(port: UInt16) { inspector = Inspector(names: [Self.name], port: port) }

  mutating func send(_ bytes: some Sequence<UInt8>) {
    held += bytes
    show()
  }

  /// The same, in pieces: of one byte each, where there are few.
  mutating func sendPieces(_ bytes: some Collection<UInt8>) { pieces(bytes).forEach { send($0) } }

  mutating func receivePieces(_ bytes: some Collection<UInt8>) { pieces(bytes).forEach { receive($0) } }

  private func pieces(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
    let bytes = Array(bytes)
    let size = bytes.count <= 200 ? 1 : 2 + Int(bytes[100]) % 64
    return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
  }

  mutating func receive(_ bytes: [UInt8]) {
    guard refusal == nil else { return }
    isServerFirst = isServerFirst || (passed.isEmpty && held.isEmpty && !bytes.isEmpty)
    let count = judge(inspector.received(bytes[...]))
    require(refusal != nil || count == bytes.count, "held what the peer said")
    if !held.isEmpty { show() }
  }

  private mutating func show() {
    guard refusal == nil else { return }
    let count = judge(inspector.sent(held[...]))
    require(count <= held.count, "\(count) of \(held.count) bytes")
    require(refusal != nil || inspector.isWaiting == (count < held.count), "waits for nothing")
    passed += held.prefix(count)
    held.removeFirst(count)
    require(!inspector.isDone || held.isEmpty || refusal != nil, "holds for nothing")
    if !inspector.isDone { inspected = passed.count }
  }

  private mutating func judge(_ outcome: Inspector.Outcome) -> Int {
    switch outcome {
    case .pass(let count): return count
    case .refuse(let reason, let name):
      require(name.count < 256, "a name of \(name.count) bytes")
      refusal = reason
      return 0
    }
  }

  /// However it comes, it is judged alike.
  func agree(_ other: Relayed) {
    require(refusal == other.refusal, "\(refusal as Any) or \(other.refusal as Any)")
    guard refusal == nil else { return }
    require(passed == other.passed && held == other.held, "passed \(passed.count) or \(other.passed.count)")
    require(inspector.isDone == other.inspector.isDone, "done or not")
  }
}
