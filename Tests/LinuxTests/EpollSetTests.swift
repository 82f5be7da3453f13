import Testing

@testable import Linux

struct EpollSetTests {
  @Test func itTellsWhatIsReadyByItsToken() throws {
    var set = try EpollSet(batch: 4)
    let pair = try DatagramPair()
    let (first, second) = (pair.first.descriptor.rawValue, pair.second.descriptor.rawValue)
    try set.add(first, .readable, token: 7 << 40)
    try set.add(second, [.readable, .writable], token: .max)
    #expect(try set.wait(until: .now) == 1)
    #expect(set[0].token == .max)
    #expect(set[0].readiness == .writable)
    try pair.second.send([1])
    try set.change(second, [], token: .max)
    #expect(try set.wait(until: nil) == 1)
    #expect(set[0].token == 7 << 40)
    #expect(set[0].readiness == .readable)
    try set.remove(first)
    let before = Instant.now
    #expect(try set.wait(until: before + .milliseconds(30)) == 0)
    #expect(Instant.now.milliseconds(since: before) >= 29)
  }

  /// Who waits for nothing is told of the end all the same.
  @Test func theEndIsAlwaysTold() throws {
    var set = try EpollSet(batch: 4)
    let end = try DatagramPair().keepFirst()
    try set.add(end.descriptor.rawValue, [], token: 1)
    #expect(try set.wait(until: .now) == 1)
    #expect(set[0].readiness == .hungUp)
  }

  @Test func moreThanABatchComesLater() throws {
    var set = try EpollSet(batch: 1)
    let pair = try DatagramPair()
    try set.add(pair.first.descriptor.rawValue, .writable, token: 1)
    try set.add(pair.second.descriptor.rawValue, .writable, token: 2)
    var tokens: Set<UInt64> = []
    for _ in 0..<2 {
      #expect(try set.wait(until: .now) == 1)
      tokens.insert(set[0].token)
    }
    #expect(tokens == [1, 2])
  }

  @Test func whatIsNotThereCannotBeChanged() throws {
    let set = try EpollSet(batch: 1)
    let pair = try DatagramPair()
    let error = #expect(throws: SystemCallError.self) {
      try set.remove(pair.first.descriptor.rawValue)
    }
    #expect(error?.errno == Errno.ENOENT)
  }
}
