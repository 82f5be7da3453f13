import Linux
import Netlink
import Testing

@testable import Jail

/// What a process of the jail failed with, the others know as it was.
@Suite struct FailureCodingTests {
  private static let causes: [Cause] = [
    .systemCall(SystemCallError("unshare", errno: Errno.EPERM)),
    .systemCall(SystemCallError("openat2", "/etc/ä\nb: c", errno: Errno.ENOENT)),
    .netlink(NetlinkError(errno: Errno.EINVAL, text: nil, index: 3)),
    .netlink(NetlinkError(errno: Errno.EINVAL, text: "", index: 0)),
    .netlink(NetlinkError(errno: Errno.EINVAL, text: "no such route", index: 70_000)),
    .routes(.missing("blackhole 10.0.0.0/8")), .routes(.unplanned("::/0")), .routes(.twice),
    .routes(.rules("IPv4")),
    .other("why"),
  ]

  static let failures: [JailFailure] =
    LaunchStep.allCases.map { .step($0, causes[0]) } + causes.map { .step(.seal, $0) }
    + causes.map(JailFailure.supervisorFailed)
    + [
      .pasta("no luck"), .pasta(""), .command("cläude", errno: Errno.ENOENT),
      .command("", errno: Errno.EACCES), .interrupted(WaitStatus(rawValue: 15)), .launcherDied,
      .supervisorDied, .workingDirectory("/run/ä b", errno: Errno.ENOENT),
    ]

  @Test(arguments: failures) func nothingIsLost(_ failure: JailFailure) throws {
    // One case for each, or this does not compile.
    switch failure {
    case .step, .workingDirectory, .pasta, .command, .interrupted, .launcherDied, .supervisorFailed,
      .supervisorDied:
      break
    }
    let bytes = FailureCoding.encode(failure)
    #expect(FailureCoding.decode(bytes[...]) == failure)
    // Half a message is none, and neither is one with more behind it.
    for count in 0..<bytes.count { #expect(FailureCoding.decode(bytes[..<count]) == nil) }
    #expect(FailureCoding.decode((bytes + [0])[...]) == nil)
  }

  @Test(arguments: failures) func passesBetweenProcesses(_ failure: JailFailure) throws {
    let pair = try DatagramPair()
    try HolderReport.failed(failure).send(over: pair.first)
    guard case .failed(let received) = try pair.second.receive().flatMap(HolderReport.init) else {
      Issue.record("no failure")
      return
    }
    #expect(received == failure)
    guard case .failed(let relayed) = SupervisorReport(SupervisorReport.failed(received).bytes) else {
      Issue.record("no failure")
      return
    }
    #expect(relayed == failure)
    #expect(relayed.text == failure.text)
    #expect(relayed.exitStatus == failure.exitStatus)
  }

  /// However much pasta says, the message can be sent.
  @Test func longTexts() throws {
    let text = String(repeating: "x", count: 100_000)
    let pair = try DatagramPair()
    for failure in [
      JailFailure.pasta(text), .step(.seal, .systemCall(SystemCallError(text, text, errno: 1))),
    ] {
      try HolderReport.failed(failure).send(over: pair.first)
      let report = try pair.second.receive().flatMap(HolderReport.init)
      guard case .failed = report else {
        Issue.record("no failure")
        return
      }
    }
  }

  @Test(
    arguments: [[], [0], [8], [1, 0], [1, 99, 7], [3, 255, 255, 255, 255], [2, 0xff, 0xff, 0xff, 0x7f]]
      as [[UInt8]])
  func anythingElseIsNone(_ bytes: [UInt8]) { #expect(FailureCoding.decode(bytes[...]) == nil) }
}

/// A refusal is said once: as what the machine lacks where that is why, and as the step that failed otherwise.
@Suite struct RefusalTests {
  private let namespaces = Prerequisite.missing(
    "user namespace", "unshare(CLONE_NEWUSER): no", fix: "a sysctl")
  private let pasta = Prerequisite.missing("pasta", "cannot be run", fix: "install it")
  private let step = LaunchFailure.jail(
    .step(.isolate, .systemCall(SystemCallError("unshare", errno: Errno.EPERM))))

  private func refusals(_ failure: LaunchFailure) -> [Substring] {
    failure.text.split(separator: "\n").filter { $0.hasPrefix("claude-sandbox: refused: ") }
  }

  @Test func whatTheMachineLacks() {
    #expect(
      refusals(step.explained(by: [namespaces]))
        == ["claude-sandbox: refused: user namespace: unshare(CLONE_NEWUSER): no"])
    #expect(refusals(step.explained(by: [pasta, namespaces])).count == 2)
  }

  @Test func theStepOtherwise() {
    #expect(
      refusals(step.explained(by: []))
        == ["claude-sandbox: refused: entering new namespaces: unshare: Operation not permitted"])
  }

  @Test func pastaIsHeard() {
    let failure = LaunchFailure.jail(.pasta("no luck"))
    #expect(
      refusals(failure.explained(by: [pasta]))
        == ["claude-sandbox: refused: pasta: cannot be run; ended before it was ready: no luck"])
    #expect(refusals(failure.explained(by: [namespaces])).count == 2)
    #expect(refusals(failure).count == 1)
  }

  @Test func theCommandsOwnFailure() {
    let failure = LaunchFailure.jail(.command("x", errno: Errno.ENOENT))
    #expect(failure.explained(by: [namespaces]).text == "claude-sandbox: x: command not found")
    #expect(failure.exitStatus == 127)
  }
}
