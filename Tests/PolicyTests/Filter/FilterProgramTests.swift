import Policy
import Testing

/// The filter's shape: what it says byte for byte, what it refuses whatever the rules are, and how large it
/// gets.
struct FilterProgramTests {
  // Nothing but 10.0.0.1's HTTPS is open, so the whole program can be read.
  @Test func aTinyPlansProgram() throws {
    let plan = try plan("block-net = 0.0.0.0/0\nipv6 = off\nallow-ip = 10.0.0.1:443/tcp")
    let expected: [(code: UInt16, jt: UInt8, jf: UInt8, k: UInt32)] = [
      (0x28, 0, 0, 12),  //           ldh [12]            EtherType
      (0x15, 0, 17, 0x0800),  //      jeq #0x800          else drop
      (0x30, 0, 0, 14),  //           ldb [14]            version, header length
      (0x15, 0, 15, 0x45),  //        jeq #0x45           else drop
      (0x28, 0, 0, 20),  //           ldh [20]            flags, fragment offset
      (0x45, 13, 0, 0xbfff),  //      jset #0xbfff        drop
      (0x30, 0, 0, 23),  //           ldb [23]            protocol
      (0x15, 4, 0, 6),  //            jeq #6              TCP
      (0x15, 3, 0, 17),  //           jeq #17             UDP
      (0x15, 0, 9, 1),  //            jeq #1              ICMP, else drop
      (0x30, 0, 0, 34),  //           ldb [34]            ICMP type
      (0x15, 0, 7, 8),  //            jeq #8              echo request, else drop
      (0x20, 0, 0, 30),  //           ld [30]             destination
      (0x15, 0, 5, 0x0a00_0001),  //  jeq #10.0.0.1       else drop
      (0x30, 0, 0, 23),  //           ldb [23]            protocol
      (0x15, 0, 3, 6),  //            jeq #6              else drop
      (0x28, 0, 0, 36),  //           ldh [36]            destination port
      (0x15, 0, 1, 443),  //          jeq #443            accept, else drop
      (0x06, 0, 0, 0xffff_ffff),  //  ret #-1
      (0x06, 0, 0, 0),  //            ret #0
    ]
    let instructions = plan.filter.instructions.map { (code: $0.code, jt: $0.jt, jf: $0.jf, k: $0.k) }
    #expect(instructions.count == expected.count)
    for (index, pair) in zip(instructions, expected).enumerated() {
      #expect(pair.0 == pair.1, "instruction \(index)")
    }
  }

  // Two neighbouring words that both go on in the next one: no comparison is made twice or for nothing.
  @Test func noComparisonIsMadeForNothing() throws {
    let lines =
      "block-net = 0.0.0.0/0\nblock-net = ::/0\nallow-net = fd00::/31\nblock-ip = fd00::1\nblock-ip = fd00:1::1"
    let preamble = 12
    // The first word has two values; each goes on through three words with one value each.
    let search = (1 + 2) + 2 * 3 * (1 + 1)
    let results = 2
    #expect(try plan(lines).filter.instructions.count == preamble + search + results)
  }

  @Test func theInverseSwapsTheResultsOfOutgoingFrames() throws {
    let filter = try plan("allow-ip = 10.0.0.1").filter
    let inverse = filter.inverse.instructions
    #expect(inverse.count == filter.instructions.count + 3)
    #expect(inverse[0].code == 0x20 && inverse[0].k == 0xffff_f004)
    for (swapped, original) in zip(inverse.dropFirst(3), filter.instructions) {
      let isResult = original.code == 0x06
      #expect(swapped.k == (isResult ? (original.k == 0 ? 0xffff : 0) : original.k))
      #expect((swapped.code, swapped.jt, swapped.jf) == (original.code, original.jt, original.jf))
    }
  }

  @Test(arguments: 0..<8 as Range<UInt32>)
  func theInverseTakesOutgoingFramesOnly(packetType: UInt32) throws {
    let plan = try plan()
    let inverse = try Interpreter(plan.filter.inverse)
    var random = Random(seed: 6)
    let refused = Frame.carrying(try flow("10.0.0.1"), &random)
    let admitted = Frame.carrying(try flow("8.8.8.8"), &random)
    #expect(inverse.run(refused, packetType: packetType) == (packetType == 4 ? 0xffff : 0))
    #expect(inverse.run(admitted, packetType: packetType) == 0)
  }

  @Test func thePlanWithoutNetworkDropsAndReportsEverything() throws {
    let filter = FilterProgram.dropEverything
    var random = Random(seed: 7)
    let frame = Frame.carrying(try flow("8.8.8.8"), &random)
    #expect(try Interpreter(filter).run(frame) == 0)
    #expect(try Interpreter(filter.inverse).run(frame) == 0xffff)
  }

  struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let destination: String
    var transport = TransportProtocol.tcp
    let bytes: [(Int, UInt8)]
  }

  // Each is admitted as it is, and dropped once damaged. Everything is open, so only the shape can be the
  // reason.
  @Test(arguments: [
    Damage(testDescription: "ARP", destination: "8.8.8.8", bytes: [(13, 0x06)]),
    Damage(testDescription: "VLAN", destination: "8.8.8.8", bytes: [(12, 0x81), (13, 0x00)]),
    Damage(
      testDescription: "IPv4 behind IPv6's EtherType", destination: "8.8.8.8",
      bytes: [(12, 0x86), (13, 0xdd)]),
    Damage(
      testDescription: "IPv6 behind IPv4's EtherType", destination: "2600::1",
      bytes: [(12, 0x08), (13, 0x00)]),
    Damage(testDescription: "IPv4 with options", destination: "8.8.8.8", bytes: [(14, 0x46)]),
    Damage(testDescription: "IPv4 with a short header", destination: "8.8.8.8", bytes: [(14, 0x44)]),
    Damage(testDescription: "version 5", destination: "8.8.8.8", bytes: [(14, 0x55)]),
    Damage(testDescription: "version 4 in IPv6", destination: "2600::1", bytes: [(14, 0x40)]),
    Damage(testDescription: "version 7", destination: "2600::1", bytes: [(14, 0x70)]),
    Damage(testDescription: "first fragment", destination: "8.8.8.8", bytes: [(20, 0x20)]),
    Damage(testDescription: "first fragment, DF", destination: "8.8.8.8", bytes: [(20, 0x60)]),
    Damage(testDescription: "reserved flag", destination: "8.8.8.8", bytes: [(20, 0x80)]),
    Damage(testDescription: "later fragment", destination: "8.8.8.8", bytes: [(20, 0), (21, 1)]),
    Damage(testDescription: "last fragment", destination: "8.8.8.8", bytes: [(20, 0x1f), (21, 0xff)]),
    Damage(testDescription: "ICMP unreachable", destination: "8.8.8.8", transport: .icmp, bytes: [(34, 3)]),
    Damage(testDescription: "ICMP echo reply", destination: "8.8.8.8", transport: .icmp, bytes: [(34, 0)]),
    Damage(
      testDescription: "ICMPv6 neighbour solicitation", destination: "2600::1", transport: .icmp,
      bytes: [(54, 135)]),
    Damage(
      testDescription: "ICMPv6 echo reply", destination: "2600::1", transport: .icmp, bytes: [(54, 129)]),
    Damage(
      testDescription: "ICMPv6 in IPv4", destination: "8.8.8.8", transport: .icmp,
      bytes: [(23, 58), (34, 128)]),
    Damage(
      testDescription: "ICMP in IPv6", destination: "2600::1", transport: .icmp, bytes: [(20, 1), (54, 8)]),
    Damage(testDescription: "SCTP", destination: "8.8.8.8", bytes: [(23, 132)]),
    Damage(testDescription: "GRE", destination: "8.8.8.8", bytes: [(23, 47)]),
    Damage(testDescription: "IPv6 in IPv4", destination: "8.8.8.8", bytes: [(23, 41)]),
    Damage(testDescription: "UDP-Lite", destination: "8.8.8.8", bytes: [(23, 136)]),
    Damage(testDescription: "hop-by-hop options", destination: "2600::1", bytes: [(20, 0)]),
    Damage(testDescription: "routing header", destination: "2600::1", bytes: [(20, 43)]),
    Damage(testDescription: "fragment header", destination: "2600::1", bytes: [(20, 44)]),
    Damage(testDescription: "destination options", destination: "2600::1", bytes: [(20, 60)]),
    Damage(testDescription: "IPv4 in IPv6", destination: "2600::1", bytes: [(20, 4)]),
    Damage(testDescription: "no next header", destination: "2600::1", bytes: [(20, 59)]),
  ])
  func damagedFramesAreDropped(_ damage: Damage) throws {
    let plan = try plan()
    let filter = try Interpreter(plan.filter)
    let inverse = try Interpreter(plan.filter.inverse)
    var random = Random(seed: 8)
    var frame = Frame.carrying(try flow(damage.destination, damage.transport), &random)
    #expect(filter.run(frame) == 0xffff_ffff)
    for (offset, byte) in damage.bytes { frame[offset] = byte }
    #expect(filter.run(frame) == 0)
    #expect(inverse.run(frame) == 0xffff)
  }

  // Only what has to be looked at must be there: a whole IP header, and the port where ports matter.
  @Test(arguments: [("8.8.8.8:", 14 + 20), ("2600::1", 14 + 40), ("9.9.9.9", 14 + 24), ("2600::2", 14 + 44)])
  func shortFramesAreDropped(address: String, needed: Int) throws {
    let plan = try plan("block-ip = 9.9.9.9:25\nblock-ip = [2600::2]:25")
    let filter = try Interpreter(plan.filter)
    var random = Random(seed: 9)
    let frame = Frame.carrying(try flow(address.filter { !address.hasSuffix(":") || $0 != ":" }), &random)
    for count in 0..<needed { #expect(filter.run(Array(frame[..<count])) == 0, "\(count) bytes") }
    #expect(filter.run(Array(frame[..<needed])) == 0xffff_ffff)
  }

  @Test func neverAnythingThatIsNotIP() throws {
    let filter = try Interpreter(plan().filter)
    var random = Random(seed: 10)
    for type in stride(from: UInt16(0), to: .max, by: 5) where type != 0x0800 && type != 0x86dd {
      let frame = Frame.ethernet(type, &random) + [0x45] + random.bytes(60)
      if filter.run(frame) != 0 { Issue.record("EtherType \(type)") }
    }
  }

  // Counted by hand in aTinyPlansProgram, by the rules of the kernel's bpf_convert_filter.
  @Test func theKernelsChargeIsKnown() throws {
    #expect(FilterProgram.dropEverything.optionMemory == 128 + 8 * 2)
    let plan = try plan("block-net = 0.0.0.0/0\nipv6 = off\nallow-ip = 10.0.0.1:443/tcp")
    let loads = 4 * 14 + 4 * 13
    let comparisons = 10
    let results = 2 * 2
    #expect(plan.filter.optionMemory == 128 + 8 * (loads + comparisons + results))
  }

  enum Shape: String, CaseIterable, Sendable {
    case everything
    case https
    case differentPorts
    case networks
    case ipv6
  }

  // A thousand exceptions fit, and the program does not silently grow.
  @Test(arguments: [
    (Shape.everything, 1300), (.https, 1300), (.differentPorts, 2600), (.networks, 2100), (.ipv6, 1300),
  ])
  func aThousandExceptionsFit(shape: Shape, limit: Int) throws {
    var random = Random(seed: 11)
    let lines = (1...1000).map { index in
      let (a, b, c) = (random.byte(), random.byte(), random.byte())
      return switch shape {
      case .everything: "allow-ip = 10.\(a).\(b).\(c)"
      case .https: "allow-ip = 10.\(a).\(b).\(c):443"
      case .differentPorts: "allow-ip = 10.\(a).\(b).\(c):\(index % 200 + 1)"
      case .networks: "allow-net = 10.\(a).\(b).0/24"
      case .ipv6: "allow-ip = [fd00::\(String(UInt16(a) << 8 | UInt16(b), radix: 16)):\(c)]:443"
      }
    }
    let plan = try plan(lines.joined(separator: "\n"))
    _ = try Interpreter(plan.filter)
    _ = try Interpreter(plan.filter.inverse)
    #expect(plan.filter.instructions.count <= limit)
    // Large programs have islands, which small random plans do not need.
    let filter = try Interpreter(plan.filter)
    for rule in plan.rules.filter({ $0.action == .allow }).prefix(300) {
      for port: UInt16 in [1, 100, 443] {
        for transport in TransportProtocol.allCases {
          let flow = Flow(destination: rule.prefix.address, transport: transport, port: port)
          let result = filter.run(Frame.carrying(flow, &random))
          #expect(result == (plan.decide(flow).allowed ? 0xffff_ffff : 0), "\(flow)")
        }
      }
    }
  }
}
