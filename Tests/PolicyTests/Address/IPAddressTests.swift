import Policy
import Testing

struct IPAddressTests {
  @Test(arguments: [
    ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("10.0.0.1", "10.0.0.1"),
    ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("fd00::3", "fd00::3"), ("FD00::ABCD", "fd00::abcd"),
    ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
    // RFC 5952 section 4.2: not one group, the longest run, the first of equals.
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("0:0:1::", "0:0:1::"),
    // RFC 4291 section 2.2, the mixed form; RFC 5952 section 5.
    ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("::ffff:102:304", "::ffff:1.2.3.4"),
    ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a"),
    ("::1.2.3.4", "::102:304"),
  ])
  func textIsReadAndWrittenCanonically(text: String, canonical: String) throws {
    let address = try ip(text)
    #expect(address.description == canonical)
    #expect(try ip(canonical) == address)
  }

  @Test(arguments: [
    ("010.0.0.1", AddressError.leadingZero), ("10.0.0.01", .leadingZero), ("00.0.0.0", .leadingZero),
    ("256.0.0.1", .partTooLarge), ("1.2.3.4567", .partTooLarge),
    ("1.2.3.99999999999999999999", .partTooLarge),
    ("", .malformed), ("1.2.3", .malformed), ("1.2.3.4.5", .malformed), ("1..2.3", .malformed),
    (".1.2.3", .malformed), ("1.2.3.4.", .malformed), ("0x7f.0.0.1", .malformed), ("1.2.3.-4", .malformed),
    (" 1.2.3.4", .malformed), ("1.2.3.4 ", .malformed), ("127.1", .malformed), ("2130706433", .malformed),
    ("1.2.3.٤", .malformed), ("example.com", .malformed),
    (":", .malformed), (":::", .malformed), ("1:", .malformed), (":1", .malformed), ("1::2::3", .malformed),
    ("1:2:3:4:5:6:7", .malformed), ("1:2:3:4:5:6:7:8:9", .malformed), ("1:2:3:4:5:6:7::8", .malformed),
    ("::1:2:3:4:5:6:7:8", .malformed), ("12345::", .malformed), ("g::", .malformed), ("1:::2", .malformed),
    ("1::2:", .malformed), ("1.2.3.4::", .malformed), ("::1.2.3.4:5", .malformed), ("::1.2.3", .malformed),
    ("1:2:3:4:5:6:7:1.2.3.4", .malformed), ("::ffff:01.2.3.4", .leadingZero),
    ("::ffff:1.2.3.256", .partTooLarge),
    ("fe80::1%eth0", .zone), ("[::1]", .malformed), ("::1/128", .malformed),
  ])
  func anythingElseIsRefusedWithItsReason(text: String, reason: AddressError) {
    #expect(throws: reason) { try IPAddress.parse(text) }
    #expect(IPAddress(text) == nil)
  }

  @Test func bytesAreInNetworkOrder() throws {
    #expect(try ip("1.2.3.4").bytes == [1, 2, 3, 4])
    #expect(
      try ip("2001:db8::102").bytes == [0x20, 0x01, 0x0d, 0xb8] + Array(repeating: 0, count: 10) + [1, 2])
    #expect(try IPAddress(family: .ipv4, bytes: [1, 2, 3, 4]) == ip("1.2.3.4"))
    #expect(try ip("1.2.3.4").value == 0x0102_0304)
    #expect(IPAddress(family: .ipv4, bytes: [1, 2, 3]) == nil)
    #expect(IPAddress(family: .ipv6, bytes: [1, 2, 3, 4]) == nil)
  }

  @Test func everyAddressSurvivesItsTextAndItsBytes() throws {
    var random = Random(seed: 1)
    for _ in 0..<2000 {
      let family: Family = random.bool() ? .ipv4 : .ipv6
      // Many zero bytes, so that runs of zero groups appear.
      let bytes = random.bytes(family.bits / 8).map { $0 & 0x80 == 0 ? 0 : $0 }
      let address = try #require(IPAddress(family: family, bytes: bytes))
      #expect(try ip(address.description) == address)
      #expect(address.bytes == bytes)
    }
  }

  @Test func addressesSortByFamilyThenNumber() throws {
    let sorted = try ["0.0.0.1", "9.255.0.0", "10.0.0.0", "255.255.255.255", "::", "::1", "fd00::"].map(ip)
    #expect(sorted.shuffled().sorted() == sorted)
  }
}
