import Linux
import Policy
import Record
import Testing

@testable import Jail

/// The recorder with a home of its own, and packets as fast as they can come.
@Suite struct RecorderTests {
  /// A directory that goes with the test.
  private final class Home {
    let path: String

    init() throws {
      path = "/tmp/record-\(UInt64.random(in: .min ... .max))"
      FileStatus.makePrivateDirectory(path)
    }

    deinit {
      let words = ["/bin/rm", "-rf", path].map { Array($0.utf8) }
      guard let child = try? Process.fork() else { return }
      if child == 0 {
        try? Process.execute(words[0], arguments: words, environment: [])
        Process.exit(127)
      }
      _ = try? Process.wait(child)
    }

    var directory: String { "\(path)/.local/state/claude-sandbox" }

    func texts() throws -> [String: String] {
      var texts: [String: String] = [:]
      for name in try FileStatus.names(in: directory) {
        texts[name] = String(
          decoding: try FileDescriptor.contents(of: "\(directory)/\(name)", limit: 8 << 20), as: UTF8.self)
      }
      return texts
    }
  }

  private func blueprint(_ home: Home) throws -> Blueprint {
    let configuration = try ConfigurationParser.parse([(name: "test", text: Array("network = none\n".utf8))])
    let facts = HostFacts()
    return Blueprint(
      configuration: configuration, limits: try LaunchLimits(nil, configuration), files: 0,
      plan: try Plan.make(configuration: configuration, facts: facts),
      facts: facts,
      resolver: ResolverConfiguration(parsing: []), coveredFiles: [], pasta: nil,
      command: Command(
        arguments: [Array("true".utf8)], environment: Environment([Array("HOME=\(home.path)".utf8)])),
      descriptors: try NamedDescriptors(in: []), ignoresHangup: false, publish: [], report: nil)
  }

  private func recorder(_ home: Home) throws -> Recorder {
    var recorder = Recorder(try blueprint(home), jail: 4711)
    recorder.open()
    return recorder
  }

  private func events(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      line.split(separator: ",").first { $0.hasPrefix("\"event\"") }.map {
        String($0.dropFirst(9).dropLast())
      }
    }
  }

  /// A launch whose command never ran leaves nothing.
  @Test func discards() throws {
    let home = try Home()
    do {
      let recorder = try recorder(home)
      #expect(try home.texts().count == 1)
      _ = recorder.deadline
    }
    #expect(try home.texts().isEmpty)
  }

  /// A scan of every port, a hundred times: some lines, and a count.
  @Test func aScan() throws {
    let home = try Home()
    let blueprint = try blueprint(home)
    var recorder = Recorder(blueprint, jail: 4711)
    recorder.open()
    recorder.start()
    let start = Instant.now
    for round in 0..<100 {
      for port in stride(from: UInt16(0), through: 65_000, by: 100) {
        recorder.refused(try refusedPacket(port: port + UInt16(round)), by: blueprint.plan, now: start)
      }
    }
    _ = recorder.handle(nil, now: start + .seconds(11))
    recorder.end(WaitStatus(rawValue: 0))
    let text = try #require(try home.texts().values.first)
    let told = events(text)
    #expect(told.count { $0 == "refused" } == 200)
    #expect(told.suffix(2) == ["suppressed", "ended"] && text.contains("\"count\":\(65_100 - 200)"))
    #expect(text.contains("\"refused\":65100"))
  }

  /// However long it goes on, there are three files, and the first is the beginning.
  @Test func files() throws {
    let home = try Home()
    let directory = try RecordDirectory.open(try blueprint(home).command.environment, making: true)
    let name = RecordName(start: Timestamp(milliseconds: 0), jail: 1, random: 1)
    let file = try RecordFile(in: directory, name)
    for number in 0..<10_000 { try file.append("\(number)" + String(repeating: "x", count: 1000)) }
    let texts = try home.texts()
    #expect(Set(texts.keys) == Set([1, 9, 10].map { "\(name.numbered($0))" }))
    #expect(texts.values.allSatisfy { $0.utf8.count <= RecordFile.most && $0.last == "\n" })
    #expect(
      texts["\(name)"]?.hasPrefix("0x") == true && texts["\(name.numbered(10))"]?.contains("9999x") == true)
    #expect(file.isIntact)
  }

  @Test(arguments: [1, 10]) func changesAreSeen(_ number: Int) throws {
    let home = try Home()
    let directory = try RecordDirectory.open(try blueprint(home).command.environment, making: true)
    let name = RecordName(start: Timestamp(milliseconds: 0), jail: 1, random: 1)
    let file = try RecordFile(in: directory, name)
    for number in 0..<10_000 { try file.append("\(number)" + String(repeating: "x", count: 1000)) }
    let path = "\(home.directory)/\(name.numbered(number))"
    let text = try FileDescriptor.contents(of: path, limit: 2 << 20)
    var other = text
    other[text.count / 2] ^= 1
    try FileDescriptor.open(path, FileDescriptor.readWrite).write(other)
    #expect(!file.isIntact)
    try FileDescriptor.open(path, FileDescriptor.readWrite).write(text)
    #expect(file.isIntact)
    FileStatus.remove(path)
    #expect(!file.isIntact)
  }

  /// Old launches go, but for those that run; and nothing that is not ours.
  @Test func prunes() throws {
    let home = try Home()
    let environment = try blueprint(home).command.environment
    func name(_ minute: Int) -> RecordName {
      RecordName(start: Timestamp(milliseconds: minute * 60_000), jail: 1, random: 1)
    }
    let running = try RecordFile(in: RecordDirectory.open(environment, making: true), name(0))
    try running.append("x")
    for minute in 1...100 {
      let file = try RecordFile(in: RecordDirectory.open(environment, making: true), name(minute))
      if minute < 100 { try file.append("x") }
    }
    let others = ["notes", "1970-01-01T000000Z-1-00000001.1.json"]
    for other in others {
      _ = try FileDescriptor.open("\(home.directory)/\(other)", FileDescriptor.createNew, mode: 0o600)
    }
    let directory = try RecordDirectory.open(environment, making: false)
    try directory.makeLink(Array("\(name(1).numbered(2))".utf8), to: Array("/etc/passwd".utf8))
    let file = try RecordFile(in: directory, name(200))
    file.prune()
    let left = try FileStatus.names(in: home.directory)
    #expect(
      left.contains("\(name(0))") && Set(left).isSuperset(of: others)
        && left.contains("\(name(1).numbered(2))"))
    #expect(left.contains("\(name(200))") && left.contains("\(name(99))") && !left.contains("\(name(1))"))
    // The empty one, too, of a launch whose command never ran.
    #expect(!left.contains("\(name(100))"))
    #expect(left.count < 64 + 5)
    _ = consume running
  }
}
