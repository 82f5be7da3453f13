import Inspection
import Linux

/// A connection of the jail, and the one that it goes on in.
final class RelayConnection {
  private let id: UInt64
  private let jail: RelayLeg
  private let peer: RelayLeg
  /// nil where anything may be spoken.
  private var inspection: RelayInspection?

  init(_ id: UInt64, jail: RelayLeg, peer: RelayLeg, inspection: RelayInspection?) {
    self.id = id
    self.jail = jail
    self.peer = peer
    self.inspection = inspection
  }

  var isInspected: Bool { inspection != nil }
  /// When it has to be ended.
  var deadline: Instant? { inspection?.deadline }
  /// How many bytes it keeps for sockets that do not take them.
  var keptCount: Int { jail.keptCount + peer.keptCount }

  /// Goes on as far as it can without waiting, at most by one piece of `limit` bytes. Throws when it is over.
  func handle(
    _ side: RelaySide, _ ready: EpollSet.Readiness, buffer: inout [UInt8], limit: Int, now: Instant
  ) throws(RelayEnding) {
    let (leg, other) = side == .jail ? (jail, peer) : (peer, jail)
    if ready.contains(.hungUp) { leg.hasHungUp = true }
    if ready.contains(.writable) { try leg.flush() }
    if !leg.hasEnded && other.isFree {
      // A failure is read like an end, behind what has come before it.
      if !ready.isDisjoint(with: [.readable, .failed, .hungUp]) {
        try read(from: side, leg, other, &buffer, limit, now)
      }
    } else if ready.contains(.failed) {
      throw .reset
    }
    if jail.hasEnded { try peer.finish() }
    if peer.hasEnded { try jail.finish() }
    if jail.isFinished && peer.isFinished { throw .over }
  }

  private func read(
    from side: RelaySide, _ leg: RelayLeg, _ other: RelayLeg, _ buffer: inout [UInt8], _ limit: Int,
    _ now: Instant
  ) throws(RelayEnding) {
    guard let count = try leg.receive(into: &buffer, limit: limit) else { return }
    let bytes = buffer[..<count]
    switch side {
    case .jail:
      // What is held back would never be complete.
      if count == 0 && inspection?.isHolding == true { throw .refused(.incomplete, name: []) }
      try other.give(inspection?.sent(bytes, now: now) ?? bytes)
    case .peer:
      try other.give(bytes)
      if let passed = try inspection?.received(bytes, now: now) { try leg.give(passed) }
    }
  }

  /// Has the set wait for what the connection can go on with.
  func register(in set: borrowing EpollSet) throws(SystemCallError) {
    try jail.register(wanted(by: jail, peer), in: set, as: .connection(id, .jail))
    try peer.register(wanted(by: peer, jail), in: set, as: .connection(id, .peer))
  }

  private func wanted(by leg: RelayLeg, _ other: RelayLeg) -> EpollSet.Readiness {
    var wanted: EpollSet.Readiness = []
    if !leg.hasEnded && other.isFree { wanted.insert(.readable) }
    if !leg.isFree { wanted.insert(.writable) }
    return wanted
  }

  /// Both sockets are closed when this connection is let go of.
  func end(isReset: Bool, in set: borrowing EpollSet) throws(SystemCallError) {
    for leg in [jail, peer] {
      try leg.unregister(from: set)
      if isReset { leg.reset() }
    }
  }
}

/// A connection whose other end waits, and that the jail's side is still to come of.
final class AnnouncedConnection {
  let id: UInt64
  let flow: NameFlow
  let peer: RelayLeg
  let inspection: RelayInspection
  /// When it will not come any more.
  let deadline: Instant

  static let patience = Duration.seconds(30)

  init(
    id: UInt64, flow: NameFlow, peer: RelayLeg, inspection: RelayInspection, now: Instant
  ) {
    self.id = id
    self.flow = flow
    self.peer = peer
    self.inspection = inspection
    deadline = now + Self.patience
  }
}
