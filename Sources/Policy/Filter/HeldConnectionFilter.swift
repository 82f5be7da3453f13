/// The programs that show new connections to the supervisor, and keep them from everybody else (classic BPF).
public enum HeldConnectionFilter {
  /// Of a packet socket: IPv4 to the pool that begins a TCP connection, or is not TCP.
  public static func seen(_ pool: Prefix) -> [Instruction] {
    let mask = ~UInt32(0) << (32 - UInt32(pool.length))
    return [
      .init(code: 0x28, jt: 0, jf: 0, k: 12),
      .init(code: 0x15, jt: 0, jf: 11, k: 0x800),
      .init(code: 0x20, jt: 0, jf: 0, k: 30),
      .init(code: 0x54, jt: 0, jf: 0, k: mask),
      .init(code: 0x15, jt: 0, jf: 8, k: UInt32(pool.address.value)),
      .init(code: 0x30, jt: 0, jf: 0, k: 23),
      .init(code: 0x15, jt: 0, jf: 5, k: 6),
      .init(code: 0x30, jt: 0, jf: 0, k: 22),
      .init(code: 0x15, jt: 0, jf: 0, k: 0),
      .init(code: 0x30, jt: 0, jf: 0, k: 47),
      .init(code: 0x54, jt: 0, jf: 0, k: 0x12),
      .init(code: 0x15, jt: 0, jf: 1, k: 2),
      .init(code: 0x06, jt: 0, jf: 0, k: 0xffff),
      .init(code: 0x06, jt: 0, jf: 0, k: 0),
    ]
  }
}
