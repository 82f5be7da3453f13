import Linux
import Testing

@testable import Jail
@testable import Policy

/// The seccomp program, run by an interpreter, against the policy said in other words.
struct SystemCallPolicyTests {
  private static let own = OwnProcesses(launcher: 100, group: 90, supervisor: 101, pasta: 102, relays: [])
  private static let upper: UInt64 = 1 << 32

  private struct Machine {
    let program: Interpreter
    let size: Int

    init(_ own: OwnProcesses = SystemCallPolicyTests.own) throws {
      let program = try SystemCallPolicy.program(protecting: own)
      size = program.instructions.count
      self.program = try Interpreter(FilterProgram(instructions: program.instructions))
    }

    /// The error number that a call fails with, 0 if it is allowed; nil for any other result.
    func answer(
      _ call: UInt32, _ arguments: [UInt64] = [], architecture: UInt32 = SystemCallFilter.architecture
    ) -> UInt32? {
      // As struct seccomp_data, but that the interpreter's words are big-endian.
      var words: [UInt32] = [call, architecture, 0, 0]
      for index in 0..<6 {
        let value = index < arguments.count ? arguments[index] : 0
        words += [UInt32(truncatingIfNeeded: value), UInt32(value >> 32)]
      }
      let result = program.run(words.flatMap { word in [24, 16, 8, 0].map { UInt8(word >> $0 & 0xff) } })
      if result == 0x7fff_0000 { return 0 }
      return result & 0xffff_0000 == 0x0005_0000 ? result & 0xffff : nil
    }
  }

  // Error numbers are literal here: ENOSYS 38, EPERM 1, EAFNOSUPPORT 97, EPROTONOSUPPORT 93.
  private static let always: [(errno: UInt32, calls: [String])] = [
    (
      38,
      [
        "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl", "add_key", "request_key",
        "userfaultfd", "lookup_dcookie", "nfsservctl",
      ]
    ),
    (
      1,
      [
        "bpf", "perf_event_open", "open_by_handle_at", "kexec_load", "kexec_file_load", "init_module",
        "finit_module", "delete_module", "reboot", "swapon", "swapoff", "acct", "settimeofday",
        "clock_settime", "iopl", "ioperm", "quotactl", "quotactl_fd", "syslog", "uselib", "vhangup",
      ]
    ),
  ]
  private static let conditional = [
    "socket", "socketpair", "ioctl", "prlimit64", "setpriority", "ioprio_set", "sched_setaffinity",
    "sched_setattr", "sched_setparam", "sched_setscheduler",
  ]

  /// What a call that looks at its arguments has to answer.
  private static func expected(_ call: String, _ a: [UInt64]) -> UInt32 {
    let low = a.map { UInt32(truncatingIfNeeded: $0) }
    let isOurs = { (id: UInt32) in (100...102).contains(id) }
    let isOurGroup = { (id: UInt32) in id == 0 || id == 90 || isOurs(id) }
    switch call {
    case "socketpair": return [1, 2, 10, 16].contains(low[0]) ? 0 : 97
    case "socket":
      if ![1, 2, 10, 16].contains(low[0]) { return 97 }
      return low[0] == 16 && ![0, 4, 15, 16].contains(low[2]) ? 93 : 0
    case "ioctl": return [0x5412, 0x541c, 0x5423].contains(low[1]) ? 1 : 0
    case "prlimit64": return low[0] != 0 && a[2] != 0 ? 1 : 0
    case "setpriority", "ioprio_set":
      let first: UInt32 = call == "setpriority" ? 0 : 1
      if low[0] == first { return isOurs(low[1]) ? 1 : 0 }
      if low[0] == first + 1 { return isOurGroup(low[1]) ? 1 : 0 }
      return low[0] == first + 2 ? 1 : 0
    default: return isOurs(low[0]) ? 1 : 0
    }
  }

  private static let firsts: [UInt64] = [0, 1, 2, 3, 4, 10, 16, 17, 40, 63, 64, 90, 99, 100, 101, 102, 103]
  private static let seconds: [UInt64] = [0, 1, 90, 99, 100, 101, 102, 103, 0x5401, 0x5412, 0x541c, 0x5423]
  private static let thirds: [UInt64] = [0, 4, 12, 15, 16, 32]

  @Test func everyCallIsAnsweredAsThePolicySays() throws {
    let machine = try Machine()
    var unconditional: [UInt32: UInt32] = [:]
    for (errno, calls) in Self.always {
      for call in calls {
        if let number = try SystemCallFilter.number(of: call) { unconditional[number] = errno }
      }
    }
    let named = try Self.conditional.map { (call: $0, number: try SystemCallFilter.number(of: $0)) }
    let looking = Set(named.compactMap(\.number))
    for number in 0...600 as ClosedRange<UInt32> where !looking.contains(number) {
      for value in [0, 1, 100, 0x5412, .max] as [UInt64] {
        let answer = machine.answer(number, Array(repeating: value, count: 6))
        #expect(answer == unconditional[number] ?? 0, "call \(number)")
      }
    }
    for (call, number) in named {
      let number = try #require(number)
      for first in Self.both(Self.firsts) {
        for second in Self.both(Self.seconds) {
          for third in Self.both(Self.thirds) {
            let arguments = [first, second, third]
            let answer = machine.answer(number, arguments)
            if answer != Self.expected(call, arguments) {
              Issue.record("\(call)\(arguments): \(answer.map(String.init) ?? "killed")")
            }
          }
        }
      }
    }
  }

  private static func both(_ values: [UInt64]) -> [UInt64] { values + values.map { $0 | upper } }

  @Test func callsOfAnotherArchitectureAreNotThere() throws {
    let machine = try Machine()
    for architecture in [0, 0x4000_0003, 0x4000_0028, 0xc000_003e, 0xc000_00b7] as [UInt32]
    where architecture != SystemCallFilter.architecture {
      for number in 0...600 as ClosedRange<UInt32> {
        #expect(machine.answer(number, architecture: architecture) == 38)
      }
    }
    guard SystemCallFilter.foreignBit != 0 else { return }
    for number in [0, 39, 41, 425, 600, 0x3fff_ffff] as [UInt32] {
      #expect(machine.answer(number | SystemCallFilter.foreignBit) == 38)
    }
    // What a tracer writes there to skip a call.
    #expect(machine.answer(.max) == 0)
  }

  @Test func withoutAnUplinkTheIdsAreTwo() throws {
    let number = try #require(try SystemCallFilter.number(of: "sched_setaffinity"))
    let machine = try Machine(
      OwnProcesses(launcher: 100, group: 100, supervisor: 101, pasta: nil, relays: []))
    #expect([99, 100, 101, 102].map { machine.answer(number, [$0]) } == [0, 1, 1, 0])
  }

  @Test func theProgramIsSmall() throws { #expect(try Machine().size < 160) }

  @Test func aMisspeltNameIsAnError() {
    #expect(throws: SystemCallError("seccomp", "socketpear", errno: Errno.EINVAL)) {
      try SystemCallFilter.number(of: "socketpear")
    }
  }
}
