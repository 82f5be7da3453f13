import Testing

@testable import Jail

/// Which arguments name a descriptor.
struct NamedDescriptorsTests {
  @Test(
    arguments: [
      ("/dev/fd/63", 63), ("/proc/self/fd/3", 3), ("--file=/dev/fd/7", 7), ("-f=/proc/self/fd/8", 8),
      ("--a==/dev/fd/7", nil), ("/dev/fd/2", nil), ("/dev/fd/07", nil), ("/dev/fd/", nil),
      ("/dev/fd/7/", nil),
      ("/dev/fd/ 7", nil),
      ("/dev/fd/+7", nil), ("/dev/fd/-7", nil), ("/dev/fd/2147483647", 2_147_483_647),
      ("/dev/fd/2147483648", nil),
      ("file=/dev/fd/7", nil), ("--file", nil), ("-", nil), ("", nil), ("//dev/fd/7", nil),
      ("/proc/1/fd/7", nil),
    ] as [(String, CInt?)])
  func argument(_ text: String, _ number: CInt?) {
    #expect(NamedDescriptors.number(Array(text.utf8)) == number)
  }

  @Test func argumentsThatAreNoText() {
    #expect(NamedDescriptors.number([0xff, 0xfe]) == nil)
    #expect(NamedDescriptors.number(Array("/dev/fd/".utf8) + [0xff]) == nil)
  }
}
