import Linux
import Testing

@testable import Jail
@testable import Policy

/// The relay's seccomp program, run by an interpreter.
@Suite struct RelaySystemCallsTests {
  private static let allow: UInt32 = 0x7fff_0000
  private static let kill: UInt32 = 0x8000_0000
  private static let named: Set<String> = [
    "accept4", "brk", "clock_gettime", "close", "epoll_ctl", "epoll_pwait", "epoll_wait", "exit",
    "exit_group",
    "futex", "getrandom", "getsockname", "madvise", "mremap", "munmap", "read", "recvfrom",
    "restart_syscall", "rt_sigreturn", "shutdown",
  ]

  private static func result(
    _ program: Interpreter, _ call: UInt32, _ arguments: [UInt64] = [],
    architecture: UInt32 = SystemCallFilter.architecture
  ) -> UInt32 {
    var words: [UInt32] = [call, architecture, 0, 0]
    for index in 0..<6 {
      let value = index < arguments.count ? arguments[index] : 0
      words += [UInt32(truncatingIfNeeded: value), UInt32(value >> 32)]
    }
    return program.run(words.flatMap { word in [24, 16, 8, 0].map { UInt8(word >> $0 & 0xff) } })
  }

  private static func program() throws -> Interpreter {
    try Interpreter(FilterProgram(instructions: RelaySystemCalls.program().instructions))
  }

  @Test func whatIsNotNamedEndsTheProcess() throws {
    let program = try Self.program()
    let allowed = Set(try Self.named.compactMap { try SystemCallFilter.number(of: $0) })
    let looking = Set(
      try ["mmap", "mprotect", "recvmsg", "sendmsg", "sendto", "setsockopt"].compactMap {
        try SystemCallFilter.number(of: $0)
      })
    for call in Array(0...600) + [0x4000_0000, 0x4000_0001, 0x7fff_ffff, .max] as [UInt32]
    where !looking.contains(call) {
      for value in [0, 1, .max] as [UInt64] {
        let result = Self.result(program, call, Array(repeating: value, count: 6))
        #expect(result == (allowed.contains(call) ? Self.allow : Self.kill), "call \(call)")
      }
    }
  }

  @Test func callsOfAnotherArchitectureEndTheProcess() throws {
    let program = try Self.program()
    for architecture in [0, 0x4000_0003, 0x4000_0028, 0xc000_003e, 0xc000_00b7] as [UInt32]
    where architecture != SystemCallFilter.architecture {
      for call in 0...600 as ClosedRange<UInt32> {
        #expect(Self.result(program, call, architecture: architecture) == Self.kill)
      }
    }
  }

  @Test func memoryIsNeverExecutable() throws {
    let program = try Self.program()
    for call in ["mmap", "mprotect"] {
      let number = try #require(try SystemCallFilter.number(of: call))
      for protection in 0...8 as ClosedRange<UInt64> {
        let expected = protection < 4 ? Self.allow : Self.kill
        #expect(Self.result(program, number, [0, 4096, protection]) == expected)
      }
    }
  }

  @Test func fourOptionsOfSocketsAreSet() throws {
    let program = try Self.program()
    let number = try #require(try SystemCallFilter.number(of: "setsockopt"))
    for level in [0, 1, 6, 17, 41, 0x11] as [UInt64] {
      for name in 0...80 as ClosedRange<UInt64> {
        let isAllowed = level == 1 && (name == 9 || name == 13) || level == 6 && (name == 1 || name == 4)
        #expect(Self.result(program, number, [3, level, name]) == (isAllowed ? Self.allow : Self.kill))
      }
    }
  }

  @Test func messagesAreForTheSupervisor() throws {
    let program = try Self.program()
    for call in ["recvmsg", "sendmsg"] {
      let number = try #require(try SystemCallFilter.number(of: call))
      for descriptor in [0, 2, 3, 4, 1000, UInt64.max] {
        #expect(Self.result(program, number, [descriptor]) == (descriptor == 3 ? Self.allow : Self.kill))
      }
    }
  }

  /// MSG_FASTOPEN is a connect(2).
  @Test func sendingDoesNotConnect() throws {
    let program = try Self.program()
    let number = try #require(try SystemCallFilter.number(of: "sendto"))
    for flags in [0, 0x40, 0x4000, 0x4040, 0x2000_4040, 0x2000_0000, UInt64.max] {
      let expected = flags == 0x4040 ? Self.allow : Self.kill
      #expect(Self.result(program, number, [5, 0, 0, flags, 0, 0]) == expected)
    }
  }

  @Test func theProgramIsSmall() throws { #expect(try Self.program().instructions.count < 120) }
}
