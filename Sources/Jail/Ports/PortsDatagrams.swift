import Linux
import Policy

// Datagrams pass here, a few at a turn.

extension Ports {
  private static let longestDatagram = 65_536
  private static let mostFlows = 256
  /// Of one door: others still have room.
  private static let mostFlowsOfDoor = 64

  func receive(_ door: Door, _ listener: DoorListener, now: Instant) {
    if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.longestDatagram) }
    for _ in 0..<Self.turn {
      guard let (count, sender) = try? listener.socket.receiveDatagram(into: &buffer) else { return }
      send(buffer[..<count], by: flow(door, listener, sender, now: now), now: now)
    }
  }

  private func send(_ bytes: ArraySlice<UInt8>, by flow: DatagramFlow, now: Instant) {
    let isNew = flow.send(bytes, now: now) { (family) throws(SystemCallError) in
      try self.socket(of: flow.door.rule, family, forServer: true)
    }
    guard isNew, let descriptor = flow.descriptor else { return }
    do throws(SystemCallError) {
      try add(descriptor, .readable, .flow(flow), token: flow.token)
    } catch {
      remove(flow)
    }
  }

  func answer(_ flow: DatagramFlow, now: Instant) {
    for _ in 0..<Self.turn { if !flow.answer(&buffer, now: now) { break } }
    if let bytes = flow.unanswered { send(bytes[...], by: flow, now: now) }
  }

  /// That of a sender. Where there are too many, the one that was used least lately goes.
  private func flow(
    _ door: Door, _ listener: DoorListener, _ sender: SocketAddress, now: Instant
  ) -> DatagramFlow {
    if let known = flows.values.first(where: { $0.listener === listener && $0.sender == sender }) {
      return known
    }
    let ofDoor = flows.values.filter { $0.door === door }
    let crowd =
      ofDoor.count >= Self.mostFlowsOfDoor ? ofDoor : flows.count >= Self.mostFlows ? Array(flows.values) : []
    if let oldest = crowd.min(by: { $0.latest < $1.latest }) { remove(oldest) }
    let flow = DatagramFlow(
      newToken(), door, listener, from: sender, to: candidates(door.rule, listener.address), now: now)
    flows[flow.token] = flow
    return flow
  }

  func remove(_ flow: DatagramFlow) {
    forget(flow.descriptor, token: flow.token)
    flows[flow.token] = nil
  }
}
