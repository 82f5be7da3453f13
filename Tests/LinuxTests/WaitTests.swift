import Linux
import Testing

@Suite struct WaitTests {
  @Test func eventsInTheOrderOfTheInterests() throws {
    let one = try Pipe()
    let other = try Pipe()
    let interests = [
      Interest.readable(one.reader.rawValue, "one"), .readable(other.reader.rawValue, "other"),
    ]
    try other.writer.write([1])
    #expect(try wait(interests).ready == ["other"])
    try one.writer.write([1])
    #expect(try wait(interests).ready == ["one", "other"])
    #expect(try wait([.writable(one.writer.rawValue, "room")]).ready == ["room"])
  }

  /// A descriptor that is closed while its event is handled, and whose number another file takes at once, is not ready again.
  @Test func numbersThatAreUsedAgain() throws {
    var first: Pipe? = try Pipe()
    let second = try Pipe()
    let number = first?.reader.rawValue ?? -1
    try first?.writer.write([1])
    try second.writer.write([1])
    let ready = try wait([.readable(number, "first"), .readable(second.reader.rawValue, "second")]).ready
    #expect(ready == ["first", "second"])
    // What handling the first event leads to. Nothing asks by number for what came in the same turn.
    first = nil
    let third = try Pipe()
    #expect(third.reader.rawValue == number)
    #expect(try wait([.readable(number, "third")], until: .now).ready.isEmpty)
  }

  @Test func theDeadline() throws {
    let pipe = try Pipe()
    let deadline = Instant.now + .milliseconds(30)
    let (ready, now) = try wait([.readable(pipe.reader.rawValue, 0)], until: deadline)
    #expect(ready.isEmpty && now >= deadline)
    // One that has passed does not wait.
    #expect(try wait([Interest<Void>](), until: deadline).now >= now)
  }

  @Test func theEndIsReadable() throws {
    let pipe = try Pipe()
    let reader = pipe.keepReader()
    #expect(try wait([.readable(reader.rawValue, 1)], until: .now).ready == [1])
  }

  @Test func instants() {
    let moment = Instant(milliseconds: 5000)
    #expect(moment + .milliseconds(1500) == Instant(milliseconds: 6500))
    #expect(moment + .microseconds(1999) == Instant(milliseconds: 5001))
    #expect((moment + .seconds(2)).milliseconds(since: moment) == 2000)
    #expect(moment.milliseconds(since: moment + .seconds(2)) == -2000)
    #expect(moment < moment + .milliseconds(1))
  }
}
