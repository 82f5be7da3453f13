import Policy

@testable import Jail

private let refusal = ICMPRefusal(
  uplink: [2, 0, 0, 0, 0, 2], gateway: [2, 0, 0, 0, 0, 1],
  gateways: ["192.0.0.1", "fd6a:61e1:c5b2::1"].compactMap { IPAddress($0) })

/// A frame from the jail: silence, or one ICMP error that is well-formed, bounded, and never answered itself.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let frame = unsafe input(data, count)
  guard let answer = refusal.answer(to: frame[...]) else { return 0 }
  let packet = Array(answer.dropFirst(14))
  require(packet.count <= 1280, "\(packet.count) bytes")
  require(refusal.answer(to: answer[...]) == nil, "an answer to an answer")
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

/// The one's complement sum of 16-bit words (RFC 1071): all ones where a checksum is right.
private func sum(_ bytes: some Collection<UInt8>) -> Int {
  var sum = 0
  for (index, byte) in bytes.enumerated() { sum += Int(byte) * (index % 2 == 0 ? 256 : 1) }
  return sum == 0 ? 0 : (sum - 1) % 0xffff + 1
}
