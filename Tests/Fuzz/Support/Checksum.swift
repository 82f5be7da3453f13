/// The one's complement sum of 16-bit words (RFC 1071): all ones where a checksum is right.
func sum(_ bytes: some Collection<UInt8>) -> Int {
  var sum = 0
  for (index, byte) in bytes.enumerated() { sum += Int(byte) * (index % 2 == 0 ? 256 : 1) }
  return sum == 0 ? 0 : (sum - 1) % 0xffff + 1
}
