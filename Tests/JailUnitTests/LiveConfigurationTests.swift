import Policy
import Record
import Testing

@testable import Jail

@Suite struct LiveConfigurationTests {
  private func configuration(_ text: String) throws -> Configuration {
    try ConfigurationParser.parse([(name: "test.conf", text: Array(text.utf8))])
  }

  private func events(_ effects: [Effect]) -> [ConfigurationEvent] {
    effects.compactMap { if case .configuration(let event) = $0 { event } else { nil } }
  }

  @Test func whatIsWrongIsKeptUntilItIsRight() throws {
    var live = LiveConfiguration(try configuration("allow-ip = 10.0.0.1"))
    let failure = LaunchFailure.overrideValue("perhaps")
    #expect(events(live.reject(failure)) == [.rejected(failure.line)])
    #expect(live.problem == failure.line)
    let change = ConfigurationChange(from: live.current, to: live.current, mayWiden: true)
    #expect(events(live.accept(change)).isEmpty)
    #expect(live.problem == nil)
  }

  @Test func whatIsTakenOverAndWhatWaits() throws {
    var live = LiveConfiguration(try configuration(""))
    let new = try configuration("allow-ip = 10.0.0.1\nipv6 = off")
    let change = ConfigurationChange(from: live.current, to: new, mayWiden: true)
    #expect(events(live.accept(change)) == [.applied("rules: 1 added, 0 removed"), .waiting(["ipv6"])])
    #expect(live.waiting == ["ipv6"])
    // It is said once.
    let again = ConfigurationChange(from: live.current, to: new, mayWiden: true)
    #expect(events(live.accept(again)).isEmpty)
    #expect(live.waiting == ["ipv6"])
  }

  /// `ps` and `log` show it in a row.
  @Test func aComplaintIsOneLine() throws {
    var live = LiveConfiguration(try configuration(""))
    do {
      _ = try configuration("alow-ip = 10.0.0.1\nallow-ip = 010.1.1.1")
    } catch let error as ConfigurationError {
      _ = live.reject(.configuration(error.diagnostics))
    }
    #expect(
      live.problem
        == #"test.conf:1:1: unknown key "alow-ip" (did you mean allow-ip?); test.conf:2:12: 010.1.1.1: looks octal (write each part without leading zeros)"#
    )
  }

  /// A file may be wrong in every line.
  @Test func aLongComplaintIsShortened() throws {
    var live = LiveConfiguration(try configuration(""))
    let text = String(repeating: "ü", count: 100_000)
    _ = live.reject(.overrideValue(text))
    let problem = try #require(live.problem)
    #expect(problem.utf8.count < 1100 && problem.hasSuffix("…") && !problem.contains("\u{fffd}\u{fffd}"))
  }
}
