import Netlink
import Testing

@Suite struct PairTests {
  /// As `ip link add n0 address 9a:55:9a:55:9a:56 mtu 65520 type veth peer name names0 address 9a:55:9a:55:9a:56 mtu 65520 netns FD` does.
  @Test func pairRequest() {
    let address: [UInt8] = [0x9a, 0x55, 0x9a, 0x55, 0x9a, 0x56]
    let message = Link.pairRequest(
      .init(name: "n0", address: address), .init(name: "names0", address: address), in: 7, mtu: 65520)
    let end: ([UInt8], UInt8) -> [UInt8] = { name, length in
      [length, 0, 3, 0] + name + [10, 0, 1, 0] + address + [0, 0, 8, 0, 4, 0, 0xf0, 0xff, 0, 0]
    }
    let peer =
      [UInt8](repeating: 0, count: 16) + end(Array("names0".utf8) + [0, 0], 11) + [8, 0, 28, 0, 7, 0, 0, 0]
    let expected: [UInt8] =
      [160, 0, 0, 0, 16, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 16)
      + end(Array("n0".utf8) + [0, 0], 7) + [
        UInt8(4 + 8 + 4 + 4 + peer.count), 0, 18, 0,
        // IFLA_INFO_KIND, of five bytes and padding.
        8, 0, 1, 0,
      ] + Array("veth".utf8) + [UInt8(8 + peer.count), 0, 2, 0, UInt8(4 + peer.count), 0, 1, 0] + peer
    #expect(message.bytes.count == expected.count)
    #expect(Array(message.bytes.dropFirst(4)) == Array(expected.dropFirst(4)))
  }
}
