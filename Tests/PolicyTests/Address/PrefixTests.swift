import Policy
import Testing

struct PrefixTests {
  @Test(arguments: ["0.0.0.0/0", "10.0.0.0/8", "1.2.3.4/32", "::/0", "fd00::/8", "::1/128", "2001:db8::/33"])
  func textSurvives(text: String) throws {
    #expect(try net(text).description == text)
  }

  @Test(arguments: [
    ("10.0.0.0", PrefixError.missingLength), ("10.0.0.0/", .invalidLength(maximum: 32)),
    ("10.0.0.0/33", .invalidLength(maximum: 32)), ("10.0.0.0/08", .invalidLength(maximum: 32)),
    ("10.0.0.0/+8", .invalidLength(maximum: 32)), ("10.0.0.0/-1", .invalidLength(maximum: 32)),
    ("10.0.0.0/255.0.0.0", .invalidLength(maximum: 32)), ("10.0.0.0/8/8", .invalidLength(maximum: 32)),
    ("10.0.0.0/99999999999999999999", .invalidLength(maximum: 32)), ("::/129", .invalidLength(maximum: 128)),
    ("10.0/8", .address(.malformed)), ("010.0.0.0/8", .address(.leadingZero)), ("/8", .address(.malformed)),
  ])
  func anythingElseIsRefusedWithItsReason(text: String, reason: PrefixError) {
    #expect(throws: reason) { try Prefix.parse(text) }
    #expect(Prefix(text) == nil)
  }

  @Test(arguments: [
    ("10.0.0.1/24", "10.0.0.0/24"), ("10.0.0.1/0", "0.0.0.0/0"), ("fd00::1/127", "fd00::/127"),
    ("8000::/0", "::/0"),
  ])
  func hostBitsAreAnErrorThatNamesThePrefix(text: String, meant: String) throws {
    let prefix = try net(meant)
    #expect(throws: PrefixError.hostBits(prefix)) { try Prefix.parse(text) }
  }

  @Test func initializerMasks() throws {
    #expect(try Prefix(containing: ip("10.1.2.3"), length: 8) == net("10.0.0.0/8"))
    #expect(try Prefix(containing: ip("10.1.2.3"), length: 0) == net("0.0.0.0/0"))
    #expect(try Prefix(containing: ip("fd00::1"), length: 64) == net("fd00::/64"))
    #expect(try Prefix(ip("::1")) == net("::1/128"))
  }

  @Test func familiesNeverMeet() throws {
    #expect(try !net("::/0").contains(ip("1.2.3.4")))
    #expect(try !net("0.0.0.0/0").contains(ip("::1")))
    #expect(try !net("::/0").overlaps(net("0.0.0.0/0")))
  }

  // A prefix is the set of addresses that agree with its first one in the leading bits: everything follows
  // from that.
  @Test func arithmeticAgreesWithTheBits() throws {
    var random = Random(seed: 2)
    for _ in 0..<1500 {
      let family: Family = random.bool() ? .ipv4 : .ipv6
      let a = try prefix(family, &random)
      let b = try prefix(family, &random)
      let address = try address(family, &random)
      #expect(a.contains(address) == agree(a.address, address, a.length))
      #expect(a.contains(b) == (a.length <= b.length && agree(a.address, b.address, a.length)))
      #expect(a.overlaps(b) == agree(a.address, b.address, min(a.length, b.length)))
      #expect(a.overlaps(b) == b.overlaps(a))
      #expect((a < b) == ((a.address, a.length) < (b.address, b.length)))
      #expect(a.contains(a.address) && Prefix(containing: a.address, length: a.length) == a)
    }
  }

  private func agree(_ a: IPAddress, _ b: IPAddress, _ length: Int) -> Bool {
    (0..<length).allSatisfy { bit in
      (a.bytes[bit / 8] ^ b.bytes[bit / 8]) & (0x80 >> UInt8(bit % 8)) == 0
    }
  }

  // Few distinct bits, so that prefixes nest often.
  private func address(_ family: Family, _ random: inout Random) throws -> IPAddress {
    try #require(
      IPAddress(family: family, bytes: random.bytes(family.bits / 8).map { $0 & 0x81 & ($0 >> 3) }))
  }

  private func prefix(_ family: Family, _ random: inout Random) throws -> Prefix {
    Prefix(containing: try address(family, &random), length: random.below(family.bits + 1))
  }
}
