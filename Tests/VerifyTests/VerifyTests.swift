import Linux
import Testing

@testable import Verify

@Suite struct VerifyTests {
  @Test(arguments: [
    "loopback=127.0.0.1#8080", "loopback=::1#1", "host=192.168.1.2#65535", "host=2001:db8::1#443",
    "resolver=10.0.0.53",
    "unix=/tmp/a=b#c", "abstract=name",
  ])
  func aTargetIsWrittenAsItIsRead(word: String) {
    #expect(Target(word)?.description == word)
  }

  @Test(arguments: [
    "", "host", "host=", "host=1.2.3.4", "host=1.2.3.4#", "host=1.2.3.4#65536", "host=name#1", "resolver=x",
    "other=1",
  ])
  func anythingElseIsNone(word: String) { #expect(Target(word) == nil) }

  @Test func aCheckPassesWhenItSawWhatItExpected() {
    #expect(Check("a", tried: "b", expected: "c", saw: "c").state == .ok)
    #expect(Check("a", tried: "b", expected: "c", saw: "d").state == .failed)
  }

  private static let verdicts:
    [(states: [Check.State], guards: [Check.State], verdict: Verdict, status: Int32)] = [
      ([.ok, .limited, .skipped, .warning], [.ok], .holds, 0),
      ([.failed, .unreachable], [.failed], .broken, 1),
      ([.ok, .unreachable, .warning], [], .unreachable, 2),
      ([.ok, .unreachable], [.failed], .unguarded, 3),
    ]

  @Test(arguments: verdicts)
  func theVerdict(states: [Check.State], guards: [Check.State], verdict: Verdict, status: Int32) {
    func checks(_ states: [Check.State]) -> [Check] {
      states.map { Check("a", $0, tried: "b", expected: "c", saw: "d") }
    }
    let found = Verdict(checks(states), guards: checks(guards))
    #expect(found == verdict && found.exitStatus == status)
  }
}
