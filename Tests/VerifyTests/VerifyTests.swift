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
}
