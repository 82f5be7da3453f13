extension FilterProgram {
  /// Whether this program, for a packet socket, is the exact complement of a filter: behind its test for
  /// outgoing frames every instruction is the filter's, with the results swapped. So both take the same path
  /// with every frame.
  func isComplement(of filter: FilterProgram) -> Bool {
    // linux/filter.h: SKF_AD_OFF (-0x1000) + SKF_AD_PKTTYPE (4); linux/if_packet.h: PACKET_OUTGOING (4).
    let prologue = [
      Instruction(code: Opcode.loadWord, jt: 0, jf: 0, k: UInt32(bitPattern: -0x1000 + 4)),
      Instruction(code: Opcode.jumpEqual, jt: 1, jf: 0, k: 4),
      Instruction(code: Opcode.result, jt: 0, jf: 0, k: Self.drop),
    ]
    let body = instructions.dropFirst(prologue.count)
    guard instructions.starts(with: prologue), body.count == filter.instructions.count else { return false }
    return zip(body, filter.instructions).allSatisfy { mine, original in
      guard original.code == Opcode.result else { return mine == original }
      let opposite = original.k == Self.drop ? Self.take : Self.drop
      return mine == Instruction(code: Opcode.result, jt: 0, jf: 0, k: opposite)
    }
  }
}
