/// A classic BPF program over the frames of a tap (TUNATTACHFILTER, linux/if_tun.h); the Ethernet header is
/// at offset 0.
///
/// It admits IPv4 without options and fragments, and IPv6 without extension headers, whose destination,
/// protocol and port the plan allows: TCP, UDP, echo requests. All else is dropped, ARP and neighbour
/// discovery included.
public struct FilterProgram: Sendable, Hashable {
  /// How many instructions the kernel takes (BPF_MAXINSNS, 4096), less those that the inverse adds.
  public static let maximum = 4096 - 3

  /// The program.
  public let instructions: [Instruction]

  /// The result that admits a frame whole.
  public static let accept: UInt32 = .max
  /// The result that drops a frame.
  public static let drop: UInt32 = 0
  /// The result with which the inverse takes a frame: at most this many bytes.
  public static let take: UInt32 = 0xffff

  /// The program that admits nothing.
  public static let dropEverything = FilterProgram(instructions: [
    Instruction(code: Opcode.result, jt: 0, jf: 0, k: drop)
  ])

  /// The same decisions for a packet socket (packet(7)) that is to see what the tap refuses.
  ///
  /// It takes an outgoing frame exactly when the filter drops it, except that a frame which ends before a
  /// header that has to be read is given to neither: the kernel ends a program that loads past the end with
  /// 0.
  public var inverse: FilterProgram {
    let prologue = [
      Instruction(code: Opcode.loadWord, jt: 0, jf: 0, k: Self.packetType),
      Instruction(code: Opcode.jumpEqual, jt: 1, jf: 0, k: Self.outgoing),
      Instruction(code: Opcode.result, jt: 0, jf: 0, k: Self.drop),
    ]
    return FilterProgram(
      instructions: prologue
        + instructions.map {
          guard $0.code == Opcode.result else { return $0 }
          return Instruction(code: $0.code, jt: 0, jf: 0, k: $0.k == Self.drop ? Self.take : Self.drop)
        })
  }

  /// How many bytes the kernel charges to the socket for the program, to be compared with
  /// net.core.optmem_max.
  ///
  /// It translates the program to eBPF first (bpf_convert_filter in net/core/filter.c), where a load takes 13
  /// or 14 instructions of 8 bytes. While a new program replaces an old one both are charged; when the sum
  /// reaches optmem_max (20480 before Linux 6.8, then 131072), attaching fails with ENOMEM.
  public var optionMemory: Int {
    // struct bpf_prog itself, and the code that prepares for loads.
    instructions.reduce(128) { $0 + 8 * $1.translatedCount }
  }

  // SKF_AD_OFF + SKF_AD_PKTTYPE (linux/filter.h), and PACKET_OUTGOING (linux/if_packet.h).
  private static let packetType: UInt32 = 0xffff_f000 + 4
  private static let outgoing: UInt32 = 4
}

extension Instruction {
  /// How many eBPF instructions the kernel makes of it.
  fileprivate var translatedCount: Int {
    switch code {
    case Opcode.loadWord, Opcode.loadHalf: return 14
    case Opcode.loadByte: return 13
    case Opcode.result: return 2
    case Opcode.jumpEqual, Opcode.jumpGreater, Opcode.jumpAtLeast, Opcode.jumpAnySet:
      // Immediates are signed there, so a large one is moved into a register first.
      let immediate = k > Int32.max ? 1 : 0
      // One way must be the next instruction, or a second jump is needed; "no bit set" has no instruction.
      let isOneJump = jf == 0 || (jt == 0 && code != Opcode.jumpAnySet)
      return immediate + (isOneJump ? 1 : 2)
    default: return 1
    }
  }
}
