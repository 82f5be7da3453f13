import Policy

/// Runs a classic BPF program as the kernel does (Documentation/networking/filter.rst), for tests.
///
/// It also refuses what the kernel's checker refuses, and any instruction that the generator has no business
/// to use.
struct Interpreter {
  enum Fault: Error, Equatable {
    case empty
    case tooLong(Int)
    case unknownCode(UInt16)
    case jumpPastEnd(at: Int)
    case noResultAtEnd
    case unreachable(at: Int)
    case alwaysTrue(at: Int)
  }

  static let packetTypeOffset: UInt32 = 0xffff_f004
  static let linkOffset: UInt32 = 0xffff_f008

  let instructions: [Instruction]

  /// A program that the kernel would take; `BPF_MAXINSNS` is 4096.
  init(_ program: FilterProgram) throws(Fault) {
    instructions = program.instructions
    guard let last = instructions.last else { throw .empty }
    guard instructions.count <= 4096 else { throw .tooLong(instructions.count) }
    guard last.code == 0x06 else { throw .noResultAtEnd }
    var reached = Array(repeating: false, count: instructions.count)
    reached[0] = true
    for (index, instruction) in instructions.enumerated() {
      guard reached[index] else { throw .unreachable(at: index) }
      if instruction.code == 0x35, instruction.k == 0 { throw .alwaysTrue(at: index) }
      for target in try Self.successors(instruction, index) {
        guard target < instructions.count else { throw .jumpPastEnd(at: index) }
        reached[target] = true
      }
    }
  }

  /// A program whose form is known to be right, whether or not the compiler would write it so.
  init(unchecked program: FilterProgram) { instructions = program.instructions }

  private static func successors(_ instruction: Instruction, _ index: Int) throws(Fault) -> [Int] {
    switch instruction.code {
    case 0x20, 0x28, 0x30, 0x54: [index + 1]
    case 0x05: [index + 1 + Int(instruction.k)]
    case 0x15, 0x25, 0x35, 0x45: [index + 1 + Int(instruction.jt), index + 1 + Int(instruction.jf)]
    case 0x06: []
    default: throw .unknownCode(instruction.code)
    }
  }

  /// The result for a frame; a load past its end gives 0.
  func run(_ frame: [UInt8], packetType: UInt32 = 4, link: UInt32 = 0) -> UInt32 {
    var accumulator: UInt32 = 0
    var index = 0
    while true {
      let instruction = instructions[index]
      index += 1
      let k = instruction.k
      let holds: Bool
      switch instruction.code {
      case 0x20:
        if k == Self.packetTypeOffset || k == Self.linkOffset {
          accumulator = k == Self.linkOffset ? link : packetType
          continue
        }
        guard let value = Self.load(frame, k, 4) else { return 0 }
        accumulator = value
        continue
      case 0x28:
        guard let value = Self.load(frame, k, 2) else { return 0 }
        accumulator = value
        continue
      case 0x30:
        guard let value = Self.load(frame, k, 1) else { return 0 }
        accumulator = value
        continue
      case 0x54:
        accumulator &= k
        continue
      case 0x05:
        index += Int(k)
        continue
      case 0x06: return k
      case 0x15: holds = accumulator == k
      case 0x25: holds = accumulator > k
      case 0x35: holds = accumulator >= k
      case 0x45: holds = accumulator & k != 0
      default: fatalError("the checker lets no other code pass")
      }
      index += Int(holds ? instruction.jt : instruction.jf)
    }
  }

  private static func load(_ frame: [UInt8], _ offset: UInt32, _ size: Int) -> UInt32? {
    let start = Int(offset)
    guard start + size <= frame.count else { return nil }
    var value: UInt32 = 0
    for index in start..<(start + size) { value = value << 8 | UInt32(frame[index]) }
    return value
  }
}
