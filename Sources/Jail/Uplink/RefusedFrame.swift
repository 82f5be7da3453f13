import Policy
import Record

// To be dropped: only until the refusals come with their senders.
extension RefusedPacket {
  init?(frame: ArraySlice<UInt8>) {
    let packet = Array(frame.dropFirst(14))
    guard packet.count >= 28 else { return nil }
    let isIPv4 = packet[0] >> 4 == 4
    let start = isIPv4 ? Int(packet[0] & 15) * 4 : 40
    guard isIPv4 || packet.count >= 48, packet.count >= start + 4,
      let destination = IPAddress(
        family: isIPv4 ? .ipv4 : .ipv6, bytes: isIPv4 ? packet[16..<20] : packet[24..<40])
    else { return nil }
    let number = packet[isIPv4 ? 9 : 6]
    self.init(
      destination: destination, protocolNumber: number,
      port: [6, 17].contains(number) ? UInt16(packet[start + 2]) << 8 | UInt16(packet[start + 3]) : nil,
      sender: .unknown)
  }
}
