import Linux
import Policy
import Record

/// Writes down what the jail was refused, and what it asked for.
///
/// All that is recorded comes from the jail, as often as the jail wants: every table is bounded, and so are the lines a second and
/// the bytes in all. What is above that is counted. Nothing here ends a jail: a disk that is full, or a directory that is somebody
/// else's, ends the record.
struct Recorder: ~Copyable, Service {
  /// It waits for nothing but its deadline.
  enum Event {}

  private let jail: CInt
  private let command: Command
  private let network: NetworkMode
  private let report: LaunchReport?
  /// Until the file is made in it.
  private var directory: FileDescriptor?
  private var file: RecordFile?
  private let journal: Journal?
  private var hasStarted = false
  private var bucket = TokenBucket(rate: Self.rate, burst: Self.burst, now: .now)
  private var packets = RefusalTable<PacketRefusal.Key, PacketRefusal>()
  private var refusedNames = RefusalTable<NameRefusal.Key, NameRefusal>()
  private(set) var names = NameTable()
  /// Refusals that there was no token for, and that no line tells yet.
  private var untold = 0
  private var suppressedDue: Instant?
  /// Why there is no record, or why a line is not in it.
  private(set) var failure: String?
  /// How many lines are not in the record, in all.
  private(set) var lost = 0

  /// Lines a second, and at once.
  private static let rate = 20
  private static let burst = 200
  private static let patience = Duration.seconds(10)
  private static let namesPerLine = 50

  /// Opens the directory, and makes it: a jail's holder covers it where it is. Without a record the launch goes on.
  init(_ blueprint: Blueprint, jail: CInt) {
    self.jail = jail
    command = blueprint.command
    network = blueprint.plan.network
    report = blueprint.report
    journal = Journal()
    do throws(RecordDirectory.Unavailable) {
      directory = try RecordDirectory.open(command.environment, making: true)
    } catch {
      doWithout(error)
    }
  }

  /// Makes the file, before the command runs, and limits what is left of earlier launches.
  mutating func open() {
    guard let directory = directory.take() else { return }
    let name = RecordName(
      start: Timestamp(milliseconds: wallClock()), jail: jail, random: .random(in: .min ... .max))
    do throws(SystemCallError) {
      file = try RecordFile(in: directory, name)
      file?.prune()
    } catch {
      let path = RecordDirectory.path(command.environment) ?? RecordDirectory.name
      doWithout(RecordDirectory.Unavailable(error, path))
    }
  }

  private mutating func doWithout(_ error: RecordDirectory.Unavailable) {
    failure = error.reason.visible()
    // Who starts it in a container without a home need not read it each time.
    if !error.isOrdinary || Process.isTerminal(2) {
      Process.complain("claude-sandbox: this launch is not recorded: \(error.reason.visible())\n")
    }
  }

  deinit {
    if !hasStarted { file?.discard() }
  }

  var interests: [Interest<Event>] { [] }

  var deadline: Instant? {
    [packets.deadline, refusedNames.deadline, names.deadline, suppressedDue].compactMap(\.self).min()
  }

  /// Tells what was only counted so far, when its time has come.
  mutating func handle(_ event: Event?, now: Instant) -> [Effect] {
    if let due = packets.deadline, due <= now { tellRepetitions(now) }
    if let due = refusedNames.deadline, due <= now { tellRepeatedNames(now) }
    if let due = names.deadline, due <= now { tellNames() }
    if let due = suppressedDue, due <= now { tellSuppressed() }
    return []
  }

  /// The command runs, or is about to.
  mutating func start() {
    hasStarted = true
    var line = line(.started)
    line.command = Self.words(command.arguments)
    line.directory = (try? FileStatus.target(ofLink: "/proc/self/cwd"))
    line.network = network.rawValue
    write(line)
  }

  /// A packet was refused; the plan is asked for the rule where a line is written.
  mutating func refused(_ packet: RefusedPacket, by plan: Plan, now: Instant) {
    let key = PacketRefusal.Key(packet)
    if packets.count(key) { return }
    guard bucket.take(now: now) else { return suppress(now) }
    let decision = plan.decide(key.attempt.flow)
    let name = names.name(of: packet.destination)
    packets.add(key, PacketRefusal(packet: packet, decision: decision, name: name), now: now)
    write(
      .refused(packet, count: 1, name: name, decision: decision, time: Self.time, jail: jail))
  }

  /// The jail does not get a name, or no connection to it.
  mutating func refused(_ refusal: NamedRefusal, by sender: RefusedPacket.Sender, now: Instant) {
    let entry = NameRefusal(refusal: refusal, sender: sender)
    if refusedNames.count(entry.key) { return }
    guard bucket.take(now: now) else { return suppress(now) }
    refusedNames.add(entry.key, entry, now: now)
    write(.refused(refusal, by: sender, count: 1, time: Self.time, jail: jail))
  }

  /// How many packets, questions and connections were refused.
  var refused: Int { packets.total + refusedNames.total }

  /// The jail's name service was asked for a name.
  mutating func asked(_ name: String, now: Instant) { names.count(name, now: now) }

  /// The jail's name service answered.
  mutating func answered(_ name: String, _ addresses: [IPAddress]) { names.learn(name, addresses) }

  /// The administrator's files have changed.
  mutating func configured(_ event: ConfigurationEvent) {
    var line = line(.configuration)
    switch event {
    case .applied(let summary): (line.accepted, line.message) = (true, summary)
    case .rejected(let problem): (line.accepted, line.message) = (false, String(problem.prefix(2000)))
    case .waiting(let keys):
      (line.accepted, line.message) = (true, "all but \(keys.joined(separator: ", "))")
    }
    write(line)
  }

  /// A port that leads into the jail or out of it has changed, or was of no use.
  mutating func changed(_ port: PortEvent) {
    var line = line(.port)
    (line.accepted, line.message) = (port.isAccepted, String(port.text.prefix(2000)))
    write(line)
  }

  /// The jail's network was taken away.
  mutating func cut(_ reason: String) {
    var line = line(.cut)
    line.message = String(reason.prefix(2000))
    write(line)
  }

  /// The command has ended, and nothing of the jail is left that could change the record from now on; or, without a status, the
  /// jail ends because something failed.
  mutating func end(_ status: WaitStatus?) {
    tellRepetitions(.now, all: true)
    tellRepeatedNames(.now, all: true)
    tellNames()
    if untold > 0 { tellSuppressed() }
    var line = line(.ended)
    line.status = status?.exitStatus
    line.signal = status?.terminationSignal
    line.refused = refused
    line.asked = names.total
    write(line)
    if status != nil { checkIntact() }
    if let failure, lost > 0 {
      Process.complain("claude-sandbox: the record of this launch lacks \(lost) lines: \(failure)\n")
    }
    switch report {
    case .summary: Process.complain("claude-sandbox: \(summary.sentence)\n")
    case .configuration: Process.complain("\(summary.configuration)\n")
    case nil: break
    }
  }

  /// What was counted, which nobody in the jail could change.
  private var summary: Summary {
    let tallies = packets.entries.map { key, entry in
      Tally(
        key.attempt, program: key.program, name: entry.refusal.name,
        rule: RecordLine.Rule(entry.refusal.decision), count: entry.total)
    }
    let named = refusedNames.entries.map { key, entry in
      NamedTally(key.refusal, program: key.program, count: entry.total)
    }
    let told = tallies.reduce(0) { $0 + $1.count } + named.reduce(0) { $0 + $1.count }
    return Summary(tallies, named: named, names: names.nameCount, others: refused - told)
  }

  /// In a namespace of its own a command can move what covers the record, and then write to the file as its user may.
  private mutating func checkIntact() {
    if file?.isIntact != false { return }
    Process.complain("claude-sandbox: somebody has changed the record of this launch while it ran\n")
    write(line(.touched))
  }

  private static var time: Timestamp { Timestamp(milliseconds: wallClock()) }

  private func line(_ event: RecordLine.Event) -> RecordLine {
    RecordLine(event, time: Self.time, jail: jail)
  }

  /// As much of the command as tells it from others.
  private static func words(_ arguments: [[UInt8]]) -> [String] {
    let shown = arguments.prefix(16).map { word in
      let text = String(decoding: word.prefix(200), as: UTF8.self)
      return word.count > 200 ? text + "..." : text
    }
    return shown + (arguments.count > 16 ? ["..."] : [])
  }

  private mutating func tellRepetitions(_ now: Instant, all: Bool = false) {
    for (entry, count) in packets.takeDue(now, all: all) {
      // An entry has had a token, and lines become rarer each time.
      let (packet, name, decision) = (entry.refusal.packet, entry.refusal.name, entry.refusal.decision)
      write(.refused(packet, count: count, name: name, decision: decision, time: Self.time, jail: jail))
    }
  }

  private mutating func tellRepeatedNames(_ now: Instant, all: Bool = false) {
    for (entry, count) in refusedNames.takeDue(now, all: all) {
      let (refusal, sender) = (entry.refusal.refusal, entry.refusal.sender)
      write(.refused(refusal, by: sender, count: count, time: Self.time, jail: jail))
    }
  }

  private mutating func tellNames() {
    var (asked, others) = names.takeUntold()
    while !asked.isEmpty || others > 0 {
      var line = line(.names)
      line.names = Array(asked.prefix(Self.namesPerLine))
      line.others = others > 0 ? others : nil
      write(line)
      asked = Array(asked.dropFirst(Self.namesPerLine))
      others = 0
    }
  }

  private mutating func suppress(_ now: Instant) {
    untold += 1
    suppressedDue = suppressedDue ?? now + Self.patience
  }

  private mutating func tellSuppressed() {
    var line = line(.suppressed)
    line.count = untold
    (untold, suppressedDue) = (0, nil)
    write(line)
  }

  private mutating func write(_ line: RecordLine) {
    journal?.send(line)
    do throws(SystemCallError) {
      try file?.append(line.text)
    } catch {
      failure = errnoText(error.errno)
      lost += 1
    }
  }
}
