import FoundationEssentials
import Linux
import Policy
import Record
import Testing

@testable import Jail

struct ControlNameTests {
  private static let name = "claude-sandbox/0123456789abcdef0123456789abcdef"

  private static func line(
    _ path: String, flags: String = "00010000", type: String = "0005", state: String = "01"
  ) -> String {
    "00000000d1c6a4f2: 00000002 00000000 \(flags) \(type) \(state) 31337 \(path)"
  }

  @Test func listeningSupervisorsAreFound() {
    #expect(ControlName.listening(Array(Self.line("@" + Self.name).utf8)) == Self.name)
    let padded = Array("0000000000000000: 00000002 00000000 00010000 0005 01     7 @\(Self.name)".utf8)
    #expect(ControlName.listening(padded) == Self.name)
  }

  @Test(arguments: [
    line("@" + name, flags: "00000000", state: "03"),
    line("@" + name, type: "0001"),
    line(name), line("/tmp/@" + name), line("@x@" + name), line("x @" + name), line("@" + name + " "),
    line("@" + name.dropLast()), line("@" + name + "0"), line("@" + name.replacing("f", with: "F")),
    line("@" + name.replacing("f", with: "g")), line("@claude-sandboy/0123456789abcdef0123456789abcdef"),
    "@\(name)", "", line("@claude-sandbox/" + String(repeating: "é", count: 16)),
  ])
  func othersAreNot(line: String) {
    #expect(ControlName.listening(Array(line.utf8)) == nil)
  }

  @Test func thisProcessIsFound() throws {
    let name = try ControlName.new()
    let socket = try AbstractSocket.listening(as: name, backlog: 1)
    let found = try UnixSocketTable.controlNames()
    #expect(found.isComplete && found.names.contains(name))
    _ = consume socket
    #expect(try !UnixSocketTable.controlNames().names.contains(name))
  }
}

struct JailStatusTests {
  private static func status(_ text: [UInt8], count: Int = 1) -> JailStatus {
    let words = String(decoding: text, as: UTF8.self)
    return JailStatus(
      supervisor: .max, launcher: .max, command: Array(repeating: text, count: count), directory: words,
      network: "internet", since: 1 << 40, refused: .max, recordProblem: words, configurationProblem: words,
      waitingKeys: ["ipv6", "expose-socket", "egress-jail", "claude-binary", "network"], isWatched: false)
  }

  private static let texts: [String: [UInt8]] = [
    "empty": [], "usual": Array("claude".utf8), "quotes": Array("a \"b\" \\ / \n\u{1}\u{7f}".utf8),
    "not ASCII": Array("ü€🙂\u{202e}\u{2028}".utf8), "not UTF-8": [0xff, 0xc0, 0x80],
    "many controls": Array(repeating: 1, count: 20_000),
    "much that is not UTF-8": Array(repeating: 0xff, count: 20_000),
    "many wide ones": Array(String(repeating: "🙂", count: 5_000).utf8),
  ]

  @Test(arguments: texts.keys.sorted())
  func whatIsWrittenIsRead(name: String) throws {
    let text = try #require(Self.texts[name])
    for count in [0, 1, 3, 5000] {
      let status = Self.status(text, count: count)
      let json = status.json
      #expect(json.count <= JailStatus.longest)
      #expect(json.allSatisfy { (0x20..<0x7f).contains($0) })
      #expect(try JSONDecoder().decode(JailStatus.self, from: Data(json)) == status)
      #expect(status.isPlausible)
    }
  }

  @Test func argumentsAreCut() {
    let status = Self.status(Array(repeating: UInt8(ascii: "x"), count: 3000), count: 3)
    #expect(status.command.map(\.utf8.count) == [3000, 999 + "…".utf8.count, "…".utf8.count])
  }

  @Test(arguments: [
    #"{"supervisor":0,"launcher":1,"command":[],"network":"","since":0,"refused":0,"waitingKeys":[],"name":"x","ports":[]}"#,
    #"{"supervisor":1,"launcher":-1,"command":[],"network":"","since":0,"refused":0,"waitingKeys":[],"name":"x","ports":[]}"#,
    #"{"supervisor":1,"launcher":1,"command":[],"network":"","since":-1,"refused":0,"waitingKeys":[],"name":"x","ports":[]}"#,
    #"{"supervisor":1,"launcher":1,"command":[],"network":"","since":9223372036854775807,"refused":0,"waitingKeys":[],"name":"x","ports":[]}"#,
    #"{"supervisor":1,"launcher":1,"command":[],"network":"","since":0,"refused":-1,"waitingKeys":[],"name":"x","ports":[]}"#,
    #"{"supervisor":1,"launcher":1,"command":[],"network":"","since":0,"refused":0,"waitingKeys":[],"name":"x","ports":[],"listening":[65536]}"#,
    #"{"supervisor":1,"launcher":1,"command":[],"network":"","since":0,"refused":0,"waitingKeys":[],"name":"x","ports":[{"key":"publish","protocol":"tcp","outside":-1,"inside":1,"addresses":[],"origin":""}]}"#,
  ])
  func implausibleNumbers(json: String) throws {
    #expect(try !JSONDecoder().decode(JailStatus.self, from: Data(json.utf8)).isPlausible)
  }
}

struct ControlSocketTests {
  /// A control socket, and the name under which the kernel has it.
  private final class Fixture {
    private static let jail = JailStatus(
      supervisor: 1, launcher: 2, command: [], directory: nil, network: "none", since: 3)
    var control: ControlSocket
    let name: String
    var now = Instant(milliseconds: 1_000_000)

    init() throws {
      let name = try ControlName.new()
      control = ControlSocket(Self.jail) { () throws(SystemCallError) in name }
      self.name = name
    }

    /// Goes round the loop once, as the supervisor does; what is asked is answered.
    func turn() throws {
      for event in try wait(control.interests, until: .now + .milliseconds(1)).ready {
        for effect in control.handle(event, now: now) {
          guard case .asked(_, let client) = effect else { continue }
          control.answer(client, Self.jail)
        }
      }
      if let deadline = control.deadline, deadline <= now { _ = control.handle(nil, now: now) }
    }
  }

  @Test func aRequestIsAnswered() throws {
    let fixture = try Fixture()
    for request in ["status", "reload"] {
      let client = try AbstractSocket.connected(to: fixture.name)
      try client.send(Array(request.utf8))
      for _ in 0..<3 { try fixture.turn() }
      let answer = try #require(try client.receive(limit: JailStatus.longest))
      #expect(try JSONDecoder().decode(JailStatus.self, from: Data(answer)).launcher == 2)
      #expect(try client.receive(limit: 1) == [])
    }
    #expect(fixture.control.interests.count == 1 && fixture.control.deadline == nil)
  }

  @Test func whoSaysNothingIsGoneAfterASecond() throws {
    let fixture = try Fixture()
    var clients: [CInt] = []
    defer { for client in clients { _ = FileDescriptor(owning: client) } }
    for _ in 0..<20 {
      clients.append(try AbstractSocket.connected(to: fixture.name).descriptor.duplicate().release())
    }
    for _ in 0..<3 { try fixture.turn() }
    // Nobody more is accepted meanwhile.
    #expect(fixture.control.interests.count == ControlSocket.mostClients)
    #expect(fixture.control.deadline == fixture.now + ControlSocket.patience)
    fixture.now = fixture.now + ControlSocket.patience
    try fixture.turn()
    #expect(fixture.control.interests.count == 1)
  }
}

struct ElapsedTests {
  @Test(arguments: [
    (-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h00m"),
    (7 * 3600 + 8 * 60, "7h08m"),
    (86_400, "1d0h"), (90_000, "1d1h"), (1 << 40, "12725829d0h"),
  ])
  func text(seconds: Int, text: String) {
    #expect(Elapsed(seconds: seconds).description == text)
  }
}
