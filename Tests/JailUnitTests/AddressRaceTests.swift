import Linux
import Policy
import Testing

@testable import Jail

/// RFC 8305, with a clock that only the test moves.
@Suite struct AddressRaceTests {
  private static func list(_ text: String) -> [IPAddress] {
    text.split(separator: " ").compactMap { IPAddress($0) }
  }

  @Test(arguments: [
    ("", ""), ("192.0.2.1", "192.0.2.1"),
    ("192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2", "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2"),
    ("192.0.2.1 192.0.2.2 192.0.2.3 2001:db8::1", "2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3"),
    ("192.0.2.9 192.0.2.1 192.0.2.9", "192.0.2.9 192.0.2.1"),
  ])
  func order(_ addresses: String, _ order: String) {
    #expect(AddressRace.order(Self.list(addresses)) == Self.list(order))
  }

  @Test func nobodyTriesThousands() {
    let many = (0..<4096).compactMap { IPAddress(bytes: [198, 51, UInt8($0 / 256), UInt8($0 % 256)]) }
    #expect(AddressRace.order(many + Self.list("2001:db8::1")).count == 16)
    #expect(AddressRace.order(many + Self.list("2001:db8::1")).first?.family == .ipv6)
  }

  @Test func timing() {
    let start = Instant(milliseconds: 1000)
    func at(_ milliseconds: Int) -> Instant { start + .milliseconds(milliseconds) }
    let all = Self.list("2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3")
    var race = AddressRace(all, now: start)
    #expect(race.deadline == start)
    #expect(race.next(now: start) == all[0])
    #expect(race.next(now: at(249)) == nil)
    #expect(race.deadline == at(250))
    #expect(race.next(now: at(250)) == all[1])
    // A failure does not wait.
    race.hurry(now: at(300))
    #expect(race.next(now: at(300)) == all[2])
    #expect(race.deadline == at(550))
    race.postpone(now: at(550))
    #expect(race.next(now: at(799)) == nil)
    #expect(race.next(now: at(800)) == all[3])
    #expect(race.isOver && race.deadline == nil)
    race.hurry(now: at(801))
    #expect(race.next(now: at(900)) == nil)
  }

  static let rule = Rule(prefix: .everything(.ipv4), action: .block, origin: .noInternet)
  static let closed = (address: list("10.0.0.1")[0], rule: rule)

  /// Of all errors that which says most.
  @Test(
    arguments: [
      ([Errno.ECONNREFUSED], .refused), ([Errno.ETIMEDOUT, Errno.ECONNREFUSED], .refused),
      ([Errno.ENETUNREACH, Errno.ETIMEDOUT], .timedOut), ([Errno.ENETUNREACH], .networkUnreachable),
      ([Errno.ENETUNREACH, Errno.EHOSTUNREACH], .hostUnreachable), ([Errno.EACCES], .hostUnreachable),
      ([Errno.EPERM], .hostUnreachable), ([Errno.EMFILE], .hostUnreachable), ([], .hostUnreachable),
    ] as [([CInt], ConnectFailure)])
  func errors(_ errors: [CInt], _ failure: ConnectFailure) {
    #expect(ConnectFailure(errors, closed: nil) == failure)
    let expected = errors.isEmpty ? .closed(Self.closed.address, Self.rule) : failure
    #expect(ConnectFailure(errors, closed: Self.closed) == expected)
  }
}
