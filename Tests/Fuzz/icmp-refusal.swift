import Policy

@testable import Jail

/// A frame from the jail: silence, or one ICMP error that is well-formed, bounded, and never answered itself.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let frame = unsafe input(data, count)
  // Of Ethernet, only the packet is looked at.
  let refused = Array(frame.dropFirst(14))
  guard let header = RefusedHeader(refused) else { return 0 }
  _ = (header.ports(refused), header.identifier(refused))
  if header.protocolNumber == RefusedHeader.tcp { checkReset(TCPReset.answer(to: refused, header), header) }
  let packet = ICMPRefusal.answer(to: refused, header, from: header.destination)
  require(packet.count <= 1280, "\(packet.count) bytes")
  require(RefusedHeader(packet) == nil, "an answer to an answer")
  if packet[0] >> 4 == 4 {
    require(frame[23] != 1 || frame[14 + 4 * Int(frame[14] & 15)] == 8, "ICMP other than echo is answered")
    require(sum(packet[..<20]) == 0xffff && sum(packet[20...]) == 0xffff, "checksums")
    require(frame[26..<30].elementsEqual(packet[16..<20]), "to another")
    require(packet.count == Int(packet[2]) << 8 | Int(packet[3]), "length")
    require(frame.dropFirst(14).starts(with: packet[28...]), "another packet is quoted")
  } else {
    let length = packet[4..<6]
    require(packet.count - 40 == Int(packet[4]) << 8 | Int(packet[5]), "length")
    require(sum(packet[8..<40] + length + [0, 58] + packet[40...]) == 0xffff, "checksum")
    require(frame[22..<38].elementsEqual(packet[24..<40]), "to another")
    require(frame.dropFirst(14).starts(with: packet[48...]), "another packet is quoted")
  }
  return 0
}

/// A reset is whole, and never answered itself.
private func checkReset(_ answer: TCPReset.Answer, _ header: RefusedHeader) {
  guard case .packet(let packet) = answer else { return }
  let start = header.source.family == .ipv4 ? 20 : 40
  require(packet.count == start + 20, "\(packet.count) bytes")
  if start == 20 { require(sum(packet[..<20]) == 0xffff, "checksum") }
  let addresses = header.destination.bytes + header.source.bytes
  require(sum(addresses + [0, 6, 0, 20] + packet[start...]) == 0xffff, "checksum of the segment")
  guard let again = RefusedHeader(packet) else { return }
  require(TCPReset.answer(to: packet, again) == .silence, "a reset is answered")
}
