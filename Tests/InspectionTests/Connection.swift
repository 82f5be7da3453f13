import Inspection
import Testing

/// A relay in miniature: it passes on what it may, and shows the rest again.
struct Connection {
  enum Side { case jail, peer }

  /// What became of a connection.
  enum Verdict: Hashable {
    /// Everything has been passed on; whether the rest of the connection would be, unseen.
    case passed(isDone: Bool)
    /// So many bytes are held.
    case waits(Int)
    case refused(Inspector.Refusal, name: String)

    static func refused(_ reason: Inspector.Refusal) -> Verdict { .refused(reason, name: "") }
  }

  private(set) var inspector: Inspector
  private(set) var passed: [UInt8] = []
  private var held: [UInt8] = []
  private var refusal: Verdict?

  init(_ names: [String] = ["example.org"], port: UInt16 = 80) {
    inspector = Inspector(names: names, port: port)
  }

  var verdict: Verdict {
    refusal ?? (held.isEmpty ? .passed(isDone: inspector.isDone) : .waits(held.count))
  }

  mutating func take(_ bytes: [UInt8], from side: Side) {
    guard refusal == nil else { return }
    if side == .jail {
      held += bytes
      show()
    } else if judge(inspector.received(slice(bytes))) != nil, !held.isEmpty {
      show()
    }
  }

  private mutating func show() {
    guard let count = judge(inspector.sent(slice(held))) else { return }
    precondition(count <= held.count && (count == held.count || inspector.isWaiting))
    precondition(count < held.count || !inspector.isWaiting)
    passed += held.prefix(count)
    held.removeFirst(count)
    if inspector.isDone { precondition(held.isEmpty) }
  }

  private mutating func judge(_ outcome: Inspector.Outcome) -> Int? {
    switch outcome {
    case .pass(let count): return count
    case .refuse(let reason, let name):
      refusal = .refused(reason, name: String(decoding: name, as: UTF8.self))
      return nil
    }
  }

  /// A slice does not start at 0.
  private func slice(_ bytes: [UInt8]) -> ArraySlice<UInt8> { ([0, 0, 0] + bytes)[3...] }
}

/// What both sides say, in turn.
struct Script: CustomTestStringConvertible, Sendable {
  typealias Turn = (side: Connection.Side, bytes: [UInt8])

  let title: String
  let turns: [Turn]
  let port: UInt16
  let verdict: Connection.Verdict

  init(_ title: String, _ turns: [Turn], port: UInt16 = 80, _ verdict: Connection.Verdict) {
    self.title = title
    self.turns = turns
    self.port = port
    self.verdict = verdict
  }

  /// A script in which only the jail speaks.
  init(_ title: String, _ text: String, port: UInt16 = 80, _ verdict: Connection.Verdict) {
    self.init(title, [jail(text)], port: port, verdict)
  }

  var testDescription: String { title }

  /// What becomes of it when its turns are cut, each into pieces that begin at these places.
  func play(_ cuts: (_ turn: Int, _ length: Int) -> [Int] = { _, _ in [] }) -> Connection {
    var connection = Connection(port: port)
    for (number, turn) in turns.enumerated() {
      var start = 0
      for end in cuts(number, turn.bytes.count) + [turn.bytes.count] {
        connection.take(Array(turn.bytes[start..<end]), from: turn.side)
        start = end
      }
    }
    return connection
  }
}

func jail(_ text: String) -> Script.Turn { (.jail, Array(text.utf8)) }

func peer(_ text: String) -> Script.Turn { (.peer, Array(text.utf8)) }
