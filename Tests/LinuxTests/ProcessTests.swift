import Testing

@testable import Linux

struct ProcessTests {
  @Test(arguments: [
    (CInt(0x0000), CInt?(0), CInt?.none, CInt?.none),
    (0x0700, 7, nil, nil),
    (0xff00, 255, nil, nil),
    (0x0009, nil, 9, nil),
    (0x008b, nil, 11, nil),  // with a core dump
    (0x137f, nil, nil, 19),
    (0xffff, nil, nil, nil),  // continued
  ])
  func waitStatus(raw: CInt, exit: CInt?, termination: CInt?, stop: CInt?) {
    let status = WaitStatus(rawValue: raw)
    #expect(status.exitStatus == exit)
    #expect(status.terminationSignal == termination)
    #expect(status.stopSignal == stop)
  }

  @Test func statusOfThisProcessIsRead() throws {
    let status = try ProcessStatus.read()
    #expect(status["Pid"] == "\(Process.id)")
  }

  @Test func aFieldOfAStatusIsFoundByItsWholeName() {
    let status = ProcessStatus(
      Array("Name:\tPid:\t7\nPPid:\t1\nPid:\t 2 \nSeccomp:\t2\nSeccomp_filters:\t1\nGroups:\n".utf8))
    #expect(status["Pid"] == "2 ")
    #expect(status["PPid"] == "1")
    #expect(status["Seccomp"] == "2")
    #expect(status["Groups"] == "")
    #expect(status["Threads"] == nil)
  }

  @Test func argumentsAreThoseOfTheProcess() throws {
    let line = try FileDescriptor.contents(of: "/proc/self/cmdline").split(
      separator: 0, omittingEmptySubsequences: false)
    #expect(Process.arguments == line.dropLast().map(Array.init))
  }

  @Test func missingProgramIsENOENT() {
    let error = #expect(throws: SystemCallError.self) {
      try Process.execute(Array("/nonexistent".utf8), arguments: [[65]], environment: [])
    }
    #expect(error?.errno == Errno.ENOENT)
  }
}
