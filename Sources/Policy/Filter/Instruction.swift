/// One instruction of classic BPF, laid out as the kernel's `struct sock_filter` (linux/filter.h).
public struct Instruction: Hashable, Sendable {
  /// The operation.
  public let code: UInt16
  /// How many instructions to skip when the comparison holds.
  public let jt: UInt8
  /// How many instructions to skip when it does not.
  public let jf: UInt8
  /// The operand.
  public let k: UInt32
}

/// The operations that a filter uses (linux/bpf_common.h); every load is at a fixed offset.
public enum Opcode {
  /// BPF_LD | BPF_W | BPF_ABS: the 32-bit word at offset k.
  public static let loadWord: UInt16 = 0x20
  /// BPF_LD | BPF_H | BPF_ABS: the 16-bit word at offset k.
  public static let loadHalf: UInt16 = 0x28
  /// BPF_LD | BPF_B | BPF_ABS: the byte at offset k.
  public static let loadByte: UInt16 = 0x30
  /// BPF_ALU | BPF_AND | BPF_K: the accumulator masked with k.
  public static let and: UInt16 = 0x54
  /// BPF_JMP | BPF_JA: skip k instructions.
  public static let jump: UInt16 = 0x05
  /// BPF_JMP | BPF_JEQ | BPF_K: equal to k?
  public static let jumpEqual: UInt16 = 0x15
  /// BPF_JMP | BPF_JGT | BPF_K: greater than k?
  public static let jumpGreater: UInt16 = 0x25
  /// BPF_JMP | BPF_JGE | BPF_K: at least k?
  public static let jumpAtLeast: UInt16 = 0x35
  /// BPF_JMP | BPF_JSET | BPF_K: any bit of k set?
  public static let jumpAnySet: UInt16 = 0x45
  /// BPF_RET | BPF_K: done; k is how many bytes of the frame are kept, 0 drops it.
  public static let result: UInt16 = 0x06
}
