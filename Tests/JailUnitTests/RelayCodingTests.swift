import Inspection
import Linux
import Policy
import Testing

@testable import Jail

/// What supervisor and relay say to each other arrives as it was said, or not at all.
@Suite struct RelayCodingTests {
  static let four = IPAddress("198.19.96.7").map { NameFlow(source: 40_001, address: $0, port: 443) }
  static let six = IPAddress("fd00::7").map { NameFlow(source: 0xffff, address: $0, port: 1) }
  static let orders: [RelayOrder] =
    [.listen(port: 0x1234), .close(id: 0x0102_0304_0506_0708), .close(id: .max)]
    + [four, six].compactMap { $0 }.flatMap { flow in
      [[], ["api.example.com"], ["", "ä.example", String(repeating: "x", count: 255)]].map {
        RelayOrder.connect(id: 7 << 40, flow, names: $0)
      }
    }
  static let reports: [RelayReport] =
    [.ready(capacity: 1000), .accepted(id: 7 << 40), .closed(id: .max)]
    + SpokenRefusal.allCases.flatMap { refusal in
      ["", "other.example", "\u{1b}[2J\0"].map { RelayReport.refused(id: 3, refusal, name: $0) }
    }

  @Test(arguments: orders) func anOrderIsWhatItWas(_ order: RelayOrder) {
    #expect(RelayOrder(order.bytes) == order)
    #expect(order.bytes.count <= DatagramSocket.longestMessage)
    #expect(RelayOrder(order.bytes + [9]) == nil)
  }

  /// Names come last, so that an order for fewer names is an order.
  @Test(arguments: orders) func halfAnOrderIsNotTheSame(_ order: RelayOrder) {
    for count in 0..<order.bytes.count {
      let half = RelayOrder(Array(order.bytes[..<count]))
      if case .connect(let id, let flow, let names) = order, half != nil {
        #expect((0..<names.count).contains { half == .connect(id: id, flow, names: Array(names[..<$0])) })
      } else {
        #expect(half == nil)
      }
    }
  }

  @Test(arguments: reports) func aReportIsWhatItWas(_ report: RelayReport) {
    #expect(RelayReport(report.bytes) == report)
    if case .refused = report { return }
    for count in 0..<report.bytes.count { #expect(RelayReport(Array(report.bytes[..<count])) == nil) }
    #expect(RelayReport(report.bytes + [0]) == nil)
  }

  @Test(
    arguments: [
      [], [0], [4], [255], [1, 0], [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 5, 1, 2, 3, 4, 5],
      // A name that is longer than the message, and one that is no text.
      [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 4, 1, 2, 3, 4, 3, 65, 65],
      [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 4, 1, 2, 3, 4, 1, 0xff],
    ] as [[UInt8]])
  func anythingElseIsNoOrder(_ bytes: [UInt8]) { #expect(RelayOrder(bytes) == nil) }

  @Test(
    arguments: [
      [], [0], [5], [2, 1], [3, 1, 0, 0, 0, 0, 0, 0, 0], [3, 1, 0, 0, 0, 0, 0, 0, 0, 0],
      [3, 1, 0, 0, 0, 0, 0, 0, 0, 99],
      [3, 1, 0, 0, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 65, count: 256),
    ] as [[UInt8]])
  func anythingElseIsNoReport(_ bytes: [UInt8]) { #expect(RelayReport(bytes) == nil) }

  /// However many names there are, and however long, an order can be sent.
  @Test func whatIsTooLongIsLeftOut() throws {
    let flow = try #require(Self.four)
    let names = (0..<300).map { "\($0)." + String(repeating: "x", count: 250) }
    let order = RelayOrder.connect(id: 1, flow, names: names + [String(repeating: "y", count: 256)])
    #expect(order.bytes.count <= DatagramSocket.longestMessage)
    #expect(RelayOrder(order.bytes) == .connect(id: 1, flow, names: Array(names.prefix(200))))
    let report = RelayReport.refused(id: 1, .otherHost, name: String(repeating: "ä", count: 300))
    guard case .refused(1, .otherHost, let name) = RelayReport(report.bytes) else {
      Issue.record("no report")
      return
    }
    #expect(name.hasPrefix(String(repeating: "ä", count: 127)))
  }

  @Test func theNumbersOfRefusalsStay() { #expect(SpokenRefusal.allCases.map(\.rawValue) == Array(1...7)) }
}
