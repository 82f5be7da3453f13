import Policy

@testable import Jail

/// A packet from the jail: nothing, or a handshake that is written again whole, and whose reset is well-formed.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let captured = unsafe input(data, count)
  guard let header = RefusedHeader(captured), let syn = HeldSYN(captured, header) else { return 0 }
  let packet = syn.packet
  require((40...80).contains(packet.count) && packet[0] == 0x45, "\(packet.count) bytes")
  require(packet.count == Int(packet[2]) << 8 | Int(packet[3]), "length")
  require(packet[6] == 0 && packet[7] == 0 && packet[9] == 6, "a fragment, or not TCP")
  require(packet[12..<20] == captured[12..<20], "other ends")
  require(packet[33] & 0x17 == 0x02, "no request")
  require(Int(packet[32] >> 4) * 4 == packet.count - 20, "header")
  let start = 4 * Int(captured[0] & 15)
  require(packet[20..<36].elementsEqual(captured[start..<start + 16]), "another segment")
  require(packet[38...].elementsEqual(captured[(start + 18)...].prefix(packet.count - 38)), "other options")
  require(syn.flow.source != 0 && syn.flow.port != 0, "no port")
  checkSums(packet)
  let reset = TCPReset.refusal(of: syn)
  require(reset.count == 40 && reset[33] == 0x14, "no reset")
  require(reset[20..<22] == packet[22..<24] && reset[22..<24] == packet[20..<22], "to another port")
  checkSums(reset)
  require(RefusedHeader(reset).flatMap { HeldSYN(reset, $0) } == nil, "an answer that asks")
  // What was made of it is made of that again.
  require(RefusedHeader(packet).flatMap { HeldSYN(packet, $0) } == syn, "not the same again")
  return 0
}

private func checkSums(_ packet: [UInt8]) {
  require(sum(packet[..<20]) == 0xffff, "checksum")
  let length = [0, 6, UInt8((packet.count - 20) >> 8), UInt8((packet.count - 20) & 255)]
  require(sum(packet[12..<20] + length + packet[20...]) == 0xffff, "checksum of the segment")
}
