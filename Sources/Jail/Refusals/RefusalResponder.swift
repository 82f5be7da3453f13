internal import Linux
internal import Policy
internal import Record

/// Answers what the routes and the tap filter refuse, so that a refused connect(2) fails at once and not after two minutes, and tells
/// who tried what.
///
/// A courtesy, not a wall: without it the packets are refused all the same. It works from outside the jail: the refusal link brings
/// what the routes refuse, and a packet socket on the uplink, opened inside, shows what the filter drops; the links take the answers.
struct RefusalResponder: ~Copyable, Service {
  enum Event {
    /// A packet came by the refusal link.
    case refused
    /// A frame was dropped by the filter.
    case dropped
  }

  /// nil where the jail has none.
  private var link: RefusalTun?
  /// nil without an uplink, and once it was cut.
  private var uplink: DroppedFrames?
  /// Whom others may ask, too: it has one budget.
  let senders: SenderSearch
  private var bucket: TokenBucket
  private var buffer = [UInt8](repeating: 0, count: DroppedFrames.headerLength + longestPacket)
  /// While the bucket is empty, until when nothing is read: what is refused faster than that costs no time of
  /// ours.
  private var pausedUntil: Instant?

  /// How much of a packet is read. Bytes.
  static let longestPacket = ICMPRefusal.longestQuote
  private static let rate = 1000
  private static let burst = 200

  /// `link` is nil where there is none. `command` is the process that the jail is for; `others` are children of this one that are not in
  /// the jail.
  init(
    _ sockets: consuming RefusalSockets, _ link: RefusalLink?, command: CInt, except others: Set<CInt>,
    now: Instant
  ) {
    let tun = sockets.tun.take()
    if let link, let tun { self.link = RefusalTun(tun, link) }
    senders = SenderSearch(sockets, command: command, except: others)
    bucket = TokenBucket(rate: Self.rate, burst: Self.burst, now: now)
  }

  /// From now on, also what the uplink's filter drops.
  mutating func attend(_ uplink: consuming DroppedFrames) { self.uplink = consume uplink }

  /// Replaces the packet socket's program, when the tap filter is replaced.
  func follow(_ plan: Plan) throws(SystemCallError) { try uplink?.follow(plan) }

  /// The uplink has gone.
  mutating func leaveUplink() { uplink = nil }

  /// Lets go of the refusal link, which goes by that: what the routes refuse is answered by the blackholes.
  mutating func leaveLink() { link = nil }

  /// The end of the jail: nobody waits for what the kernel takes its time to close.
  mutating func release() {
    var descriptors: [CInt] = []
    if let link = link.take() { descriptors.append(link.release()) }
    if let uplink = uplink.take() { descriptors.append(uplink.release()) }
    try? FileDescriptor.closeInBackground(descriptors)
  }

  var interests: [Interest<Event>] {
    guard pausedUntil == nil else { return [] }
    var interests: [Interest<Event>] = []
    switch link {
    case .some(let link): interests.append(.readable(link.descriptor, .refused))
    case nil: break
    }
    switch uplink {
    case .some(let uplink): interests.append(.readable(uplink.descriptor, .dropped))
    case nil: break
    }
    return interests
  }

  var deadline: Instant? { pausedUntil }

  /// Answers what has been refused, without waiting.
  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    if let end = pausedUntil, end <= now { pausedUntil = nil }
    guard let event, pausedUntil == nil else { return [] }
    var effects: [Effect] = []
    // Every packet costs a token, answered or not: reading it is what takes the time.
    for _ in 0..<Self.turn {
      guard bucket.take(now: now) else {
        pausedUntil = bucket.whenHalfFull
        break
      }
      do throws(SystemCallError) {
        guard try answer(event, &effects) else { break }
      } catch {
        // The link has gone, or its queue is full. The sender waits for its own time-out then.
      }
    }
    return effects
  }

  /// How many are answered before others have their turn: names, signals.
  private static let turn = 32

  /// Answers the next packet; false when there is none.
  private mutating func answer(_ event: Event, _ effects: inout [Effect]) throws(SystemCallError) -> Bool {
    let received =
      switch event {
      case .refused: try link?.receive(into: &buffer)
      case .dropped: try uplink?.receive(into: &buffer)
      }
    guard let received else { return false }
    guard let packet = received.packet, let header = RefusedHeader(packet),
      let answer = reply(to: packet, header, event)
    else { return true }
    effects.append(
      .refused(
        RefusedPacket(
          destination: header.destination, protocolNumber: header.protocolNumber,
          port: header.ports(packet)?.destination,
          sender: senders.sender(of: packet, header, link: received.link))))
    switch event {
    case .refused: try link?.send(answer)
    case .dropped: try uplink?.send(answer)
    }
    return true
  }

  /// nil when silence is right.
  private borrowing func reply(to packet: [UInt8], _ header: RefusedHeader, _ event: Event) -> [UInt8]? {
    if header.protocolNumber == RefusedHeader.tcp {
      switch TCPReset.answer(to: packet, header) {
      case .packet(let packet): return packet
      case .silence: return nil
      case .icmp: break
      }
    }
    let source =
      switch event {
      case .refused: link?.answerer(header.destination)
      case .dropped: uplink?.answerer(header.destination)
      }
    return source.map { ICMPRefusal.answer(to: packet, header, from: $0) }
  }
}

/// A packet as it was received.
struct ReceivedPacket {
  /// nil for what nobody has to answer.
  let packet: [UInt8]?
  /// The index of the link that it left by.
  let link: UInt32
}

/// The descriptor of the refusal link.
struct RefusalTun: ~Copyable {
  private let tun: FileDescriptor
  private let link: RefusalLink

  init(_ tun: consuming FileDescriptor, _ link: RefusalLink) {
    self.tun = tun
    self.link = link
  }

  var descriptor: CInt { tun.rawValue }

  consuming func release() -> CInt { tun.release() }

  func send(_ packet: [UInt8]) throws(SystemCallError) { try tun.write(packet) }

  /// The next packet, cut at the buffer's count; nil when there is none.
  func receive(into buffer: inout [UInt8]) throws(SystemCallError) -> ReceivedPacket? {
    do throws(SystemCallError) {
      let count = try tun.read(into: &buffer)
      return ReceivedPacket(
        packet: Array(buffer.prefix(min(count, RefusalResponder.longestPacket))), link: link.index)
    } catch {
      if error.errno == Errno.EAGAIN { return nil }
      throw error
    }
  }

  /// In whose name the answer is: the destination's, whose route leads here, so that it passes also where reverse paths are filtered
  /// strictly (rp_filter, RFC 3704). What no packet may come from is answered in another's name.
  func answerer(_ destination: IPAddress) -> IPAddress? {
    destination.mayBeSource
      ? destination : link.addresses.first { $0.own.family == destination.family }?.other
  }
}

extension IPAddress {
  /// Whether the kernel takes a packet from such an address that comes by a link.
  fileprivate var mayBeSource: Bool {
    switch family {
    // 0/8, 127/8, and from 224.0.0.0 on.
    case .ipv4: ![0, 127].contains(bytes[0]) && bytes[0] < 224
    // Global unicast and unique local; not the loopback, IPv4-mapped, link-local and multicast addresses.
    case .ipv6: bytes[0] & 0xe0 == 0x20 || bytes[0] & 0xfe == 0xfc
    }
  }
}

/// What the uplink's filter drops, and the tap, which takes the answers.
struct DroppedFrames: ~Copyable {
  /// Of Ethernet. Bytes.
  static let headerLength = 14

  private let packets: PacketSocket
  private let tap: FileDescriptor
  private let link: Link
  /// The link-layer address of the gateway.
  private let gateway: [UInt8]
  /// Whose name the answers are in, one for each family that the uplink carries.
  private let gateways: [IPAddress]

  /// A link of the jail.
  struct Link {
    let index: UInt32
    /// Its link-layer address.
    let address: [UInt8]
  }

  /// The packet socket carries the inverse of the tap filter.
  init(
    packets: consuming PacketSocket, tap: consuming FileDescriptor, link: Link, gateway: [UInt8],
    gateways: [IPAddress]
  ) {
    self.packets = packets
    self.tap = tap
    self.link = link
    self.gateway = gateway
    self.gateways = gateways
  }

  var descriptor: CInt { packets.descriptor.rawValue }

  consuming func release() -> CInt { packets.release() }

  func follow(_ plan: Plan) throws(SystemCallError) {
    try packets.attach(FilterInstruction.list(plan.filter.inverse))
  }

  /// The next frame's packet; nil when there is none.
  func receive(into buffer: inout [UInt8]) throws(SystemCallError) -> ReceivedPacket? {
    guard let (count, isOutgoing) = try packets.receive(into: &buffer) else { return nil }
    // The socket sees what comes in, too, our own answers among it.
    return ReceivedPacket(packet: isOutgoing ? Self.packet(in: buffer[..<count]) : nil, link: link.index)
  }

  /// What a frame carries, if it is IP.
  static func packet(in frame: ArraySlice<UInt8>) -> [UInt8]? {
    guard frame.count > headerLength else { return nil }
    let packet = Array(frame.dropFirst(headerLength))
    switch (frame[frame.startIndex + 12], frame[frame.startIndex + 13], packet[0] >> 4) {
    case (0x08, 0x00, 4), (0x86, 0xdd, 6): return packet
    default: return nil
    }
  }

  /// Whose name an answer is in.
  func answerer(_ destination: IPAddress) -> IPAddress? {
    gateways.first { $0.family == destination.family }
  }

  func send(_ packet: [UInt8]) throws(SystemCallError) {
    try tap.write(Self.frame(packet, to: link.address, from: gateway))
  }

  static func frame(_ packet: [UInt8], to: [UInt8], from: [UInt8]) -> [UInt8] {
    to + from + (packet[0] >> 4 == 4 ? [0x08, 0x00] : [0x86, 0xdd]) + packet
  }
}
