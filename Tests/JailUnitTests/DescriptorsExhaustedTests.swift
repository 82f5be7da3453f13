import Glibc
import Linux
import Testing

@testable import Jail

/// In a process of its own, which may run out of descriptors.
@Suite struct DescriptorsExhaustedTests {
  /// Who cannot be accepted is not waited for at once again, is served later, and who can be served is.
  @Test func acceptIsPaused() async {
    await #expect(processExitsWith: .success) {
      let bench = try Bench(["127.0.0.2"])
      let client = try bench.client(.stream)
      let plain = query("www.example.com")
      try client.send(framed(plain))
      let datagrams = try bench.client(.datagram)
      let before = try Self.exhaust()
      // accept4(2) takes a number before it looks whether anybody is there.
      bench.servesResolvers = false
      try bench.turn()
      #expect(bench.forwarder.deadline == bench.now + .milliseconds(100))
      #expect(bench.forwarder.interests.count == 1)
      // A query that cannot be forwarded is answered, not left to time out.
      #expect(try datagrams.ask(plain) == answer(plain, code: 2))
      try Self.limit(before)
      bench.servesResolvers = true
      try bench.pass(100)
      #expect(try client.message() == answer(plain, record: record(1)))
    }
  }

  /// Where not all descriptors of a message find room, those that did are closed again.
  @Test func aMessageCutShortLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      let pair = try DatagramPair()
      let pipe = try Pipe()
      let copies = [CInt](repeating: pipe.writer.rawValue, count: 40)
      try pair.first.send([1], descriptors: copies)
      let next = try FileDescriptor.open("/dev/null", O_RDONLY).rawValue
      try Self.limit(rlim_t(next + 4))
      let error = #expect(throws: SystemCallError.self) { _ = try pair.second.receive() }
      #expect(error?.errno == EBADMSG)
      let freed = try FileDescriptor.open("/dev/null", O_RDONLY).rawValue
      #expect(freed <= next)
    }
  }

  /// No descriptor but the standard streams, which are open; returns the former limit. A limit at the lowest free number would not do:
  /// what other threads of the process close, could be had again. poll(2) takes no more entries than that, either.
  static func exhaust() throws -> rlim_t {
    var now = rlimit()
    // SAFETY: the kernel writes one rlimit.
    #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &now) == 0)
    try limit(3)
    return now.rlim_cur
  }

  static func limit(_ count: rlim_t) throws {
    var limit = rlimit()
    // SAFETY: the kernel writes one rlimit, then reads one.
    #expect(unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    limit.rlim_cur = count
    #expect(unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
  }
}
