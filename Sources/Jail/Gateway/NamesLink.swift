internal import Linux
internal import Policy

/// The link by which a jail asks for names, seen from its other end; and that by which a held handshake goes on.
struct NamesLink: ~Copyable {
  private let packets: PacketSocket
  private let held: FileDescriptor
  private let gateway, jail: [UInt8]

  init(packets: consuming PacketSocket, held: consuming FileDescriptor, gateway: [UInt8], jail: [UInt8]) {
    self.packets = packets
    self.held = held
    self.gateway = gateway
    self.jail = jail
  }

  var descriptor: CInt { packets.descriptor.rawValue }

  consuming func release() -> [CInt] { [packets.release(), held.release()] }

  enum Received {
    case nothing
    /// What nobody has to answer.
    case noise
    case packet([UInt8], RefusedHeader)
  }

  func receive(into buffer: inout [UInt8]) throws(SystemCallError) -> Received {
    guard let (count, isOutgoing) = try packets.receive(into: &buffer) else { return .nothing }
    guard !isOutgoing, let packet = DroppedFrames.packet(in: buffer[..<count]),
      let header = RefusedHeader(packet), header.source.family == .ipv4
    else { return .noise }
    return .packet(packet, header)
  }

  /// Answers, in the name of whom was asked. What cannot be sent is asked again.
  func answer(_ packet: [UInt8]) {
    try? packets.descriptor.write(DroppedFrames.frame(packet, to: jail, from: gateway))
  }

  func answer(_ packet: [UInt8], _ header: RefusedHeader, _ reason: ICMPRefusal.Reason) {
    answer(ICMPRefusal.answer(to: packet, header, from: header.destination, reason))
  }

  /// Lets a handshake go on. One that is lost is sent again, by its sender and then from here.
  func proceed(_ syn: HeldSYN) { try? held.write(syn.packet) }
}
