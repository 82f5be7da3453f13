internal import Linux
internal import Policy
internal import Record

/// Answers what the tap filter drops, so that a refused connect(2) fails at once and not after two minutes.
///
/// A courtesy, not a wall: without it the packets are dropped all the same. It works from outside the jail: a
/// packet socket on the uplink, opened inside, shows the frames, and the tap takes the answers.
struct RefusalResponder: ~Copyable, Service {
  /// A frame was dropped.
  enum Event { case refused }

  private let packets: PacketSocket
  private let tap: FileDescriptor
  private let refusal: ICMPRefusal
  private var bucket: TokenBucket
  private var buffer = [UInt8](repeating: 0, count: ICMPRefusal.longestFrame)
  /// While the bucket is empty, until when nothing is read: what is refused faster than that costs no time of
  /// ours.
  private var pausedUntil: Instant?

  private static let rate = 1000
  private static let burst = 200

  /// The packet socket carries the inverse of the tap filter; the tap takes the answers.
  init(
    packets: consuming PacketSocket, refusal: ICMPRefusal, tap: consuming FileDescriptor, now: Instant
  ) {
    self.packets = packets
    self.refusal = refusal
    self.tap = tap
    bucket = TokenBucket(rate: Self.rate, burst: Self.burst, now: now)
  }

  /// Ends, and gives up the packet socket.
  consuming func release() -> CInt { packets.release() }

  /// Replaces the packet socket's program, when the tap filter is replaced.
  func attach(_ program: [FilterInstruction]) throws(SystemCallError) { try packets.attach(program) }

  var interests: [Interest<Event>] {
    pausedUntil == nil ? [.readable(packets.descriptor.rawValue, .refused)] : []
  }

  var deadline: Instant? { pausedUntil }

  /// Answers what has been refused, without waiting.
  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    if let end = pausedUntil, end <= now { pausedUntil = nil }
    if event != nil, pausedUntil == nil { return answer(now: now) }
    return []
  }

  private mutating func answer(now: Instant) -> [Effect] {
    var effects: [Effect] = []
    // Every frame costs a token, answered or not: reading it is what takes the time.
    while bucket.take(now: now) {
      do throws(SystemCallError) {
        guard let (count, isOutgoing) = try packets.receive(into: &buffer) else { return effects }
        // The socket sees what comes in, too, our own answers among it.
        guard isOutgoing, let answer = refusal.answer(to: buffer[..<count]) else { continue }
        if let packet = RefusedPacket(frame: buffer[..<count]) { effects.append(.refused(packet)) }
        try tap.write(answer)
      } catch {
        // The link has gone, or its queue is full. The sender waits for its own time-out then.
      }
    }
    pausedUntil = bucket.whenHalfFull
    return effects
  }
}
