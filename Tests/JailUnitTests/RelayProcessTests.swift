import Glibc
import Linux
import Policy
import Testing

@testable import Jail

/// The relay as a process of its own. Each test forks it from a process of its own, which has one purpose.
@Suite struct RelayProcessTests {
  /// Reports as the supervisor gets them.
  private static func next(_ link: inout RelayLink, within limit: Duration = .seconds(20)) throws -> [Effect]
  {
    let (ready, now) = try wait(link.interests, until: .now + limit)
    return ready.flatMap { link.handle($0, now: now) }
  }

  private static func started() throws -> RelayLink {
    var link = try RelayProcess.start()
    guard case .relay(.ready(let capacity)) = try next(&link).first else {
      Issue.record("not ready")
      return link
    }
    #expect(capacity > 100)
    return link
  }

  @Test func nothingIsLeftToIt() async {
    await #expect(processExitsWith: .success) {
      var link = try Self.started()
      let status = try ProcessStatus.read(link.process)
      #expect(status["Seccomp"] == "2")
      #expect(status["NoNewPrivs"] == "1")
      for field in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        #expect(status[field] == "0000000000000000", "\(field)")
      }
      #expect(status["SigIgn"] == "0000000000000000")
      #expect(getsid(link.process) == link.process)
      link.kill()
      let hasEnded = try Self.hasEnded(&link)
      #expect(hasEnded)
    }
  }

  private static func send(
    _ order: RelayOrder, _ descriptor: borrowing FileDescriptor, to link: borrowing RelayLink
  ) throws {
    let isSent = link.send(order, descriptor)
    #expect(isSent)
  }

  /// What the supervisor and its caller have open, the relay does not keep open.
  @Test func nothingIsKeptOpen() async {
    await #expect(processExitsWith: .success) {
      let pipe = try Pipe()
      for number in 0...2 as ClosedRange<CInt> { try pipe.writer.place(at: number) }
      let copy = try pipe.writer.duplicate()
      let link = try Self.started()
      for number in 0...2 as ClosedRange<CInt> {
        try FileDescriptor.open("/dev/null", FileDescriptor.readWrite).place(at: number)
      }
      _ = consume copy
      let reader = pipe.keepReader()
      let (ready, _) = try wait([Interest.readable(reader.rawValue, true)], until: .now + .seconds(20))
      #expect(ready.count == 1)
      let isAlive = try ProcessStatus.read(link.process)["State"]?.hasPrefix("Z") == false
      #expect(isAlive)
    }
  }

  private static func hasEnded(_ link: inout RelayLink) throws -> Bool {
    for _ in 0..<10 {
      for effect in try next(&link) { if case .relayEnded = effect { return true } }
    }
    return false
  }

  private static func status(_ link: borrowing RelayLink) throws -> WaitStatus? {
    try Process.wait(link.process)?.status
  }

  @Test func itEndsWithItsSocket() async {
    await #expect(processExitsWith: .success) {
      let link = try Self.started()
      let process = link.process
      _ = consume link
      #expect(try Process.wait(process)?.status.exitStatus == 0)
    }
  }

  /// It dies with the supervisor, however that dies, and although others have its socket open.
  @Test func itEndsWithItsSupervisor() async {
    await #expect(processExitsWith: .success) {
      try Process.becomeSubreaper()
      let numbers = try DatagramPair()
      let supervisor = try Process.fork()
      if supervisor == 0 {
        let link = try Self.started()
        try numbers.second.send(Array("\(link.process)".utf8), descriptors: [link.socketNumber])
        while true { pause() }
      }
      let message = try #require(try numbers.first.receive())
      let relay = try #require(CInt(String(decoding: message.bytes, as: UTF8.self)))
      try Process.kill(supervisor, Signals.kill)
      _ = try Process.wait(supervisor)
      #expect(try Process.wait(relay)?.status.terminationSignal == SIGKILL)
    }
  }

  @Test func aSenselessOrderEndsIt() async {
    await #expect(processExitsWith: .success) {
      var link = try Self.started()
      let listener = try RelayBench.listening()
      // The same port twice.
      try Self.send(.listen(port: 80), listener.descriptor, to: link)
      try Self.send(.listen(port: 80), listener.descriptor, to: link)
      let hasEnded = try Self.hasEnded(&link)
      #expect(hasEnded)
      let isQuiet = link.interests.isEmpty
      #expect(isQuiet)
      // It closes its socket before it ends: what saw that kills it, and may be first.
      let status = try Self.status(link)
      #expect(status?.exitStatus == 2 || status?.terminationSignal == SIGKILL)
    }
  }

  private static let forbidden: [@Sendable () -> Void] = [
    { _ = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0) },
    { _ = try? FileDescriptor.open("/dev/null", O_RDONLY) },
    { try? Process.execute(Array("/bin/true".utf8), arguments: [[65]], environment: []) },
    {
      if let address = try? RelayBench.address(9) {
        try? InternetSocket(FileDescriptor(owning: 0)).connect(to: address)
      }
    },
    { _ = try? Process.fork() },
    { try? Process.kill(Process.id, 0) },
    // SAFETY: four pages of its own.
    { _ = unsafe mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) },
  ]

  /// What it may not do ends it. The same, without the filter, does not.
  @Test(arguments: 0..<7) func whatItMayNotDoEndsIt(_ index: Int) async {
    await #expect(processExitsWith: .success) { [index] in
      for isSealed in [false, true] {
        let child = try Process.fork()
        if child == 0 {
          try Capabilities.renounce()
          if isSealed { try RelaySystemCalls.install() }
          Self.forbidden[index]()
          Process.exit(7)
        }
        let status = try #require(try Process.wait(child)?.status)
        if isSealed {
          #expect(status.terminationSignal == SIGSYS)
        } else {
          #expect(status.exitStatus == 7 || status.exitStatus == 0)
        }
      }
    }
  }

  /// Who cannot be accepted for want of a descriptor is not asked for all the time, and served later.
  @Test func acceptIsPaused() async {
    await #expect(processExitsWith: .success) {
      let bench = try RelayBench()
      let pair = try bench.pair()
      try bench.announce(pair)
      try bench.turn()
      try bench.connect(pair)
      let before = try DescriptorsExhaustedTests.exhaust()
      let start = Instant.now
      try bench.turn(1000)
      for _ in 0..<3 { try bench.turn(1000) }
      #expect(Instant.now.milliseconds(since: start) >= 90)
      #expect(bench.reports == [.ready(capacity: 100)])
      try DescriptorsExhaustedTests.limit(before)
      try bench.until { bench.reports.contains(.accepted(id: pair.id)) }
    }
  }

  /// A thousand connections, and what they take of memory that nobody shares. kB.
  @Test func aThousandConnections() async {
    await #expect(processExitsWith: .success) {
      _ = try Process.raiseDescriptorLimit(to: 5000)
      var link = try Self.started()
      let listener = try RelayBench.listening()
      let servers = try RelayBench.listening()
      let port = try listener.localAddress().port
      try Self.send(.listen(port: port), listener.descriptor, to: link)
      let idle = ProcessStatus.memory(of: link.process, proportional: false)
      var open: [(Speaker, Speaker)] = []
      var accepted = 0
      for id in 0..<1000 as Range<UInt64> {
        let program = try InternetSocket(.stream, for: RelayBench.address())
        try program.bind(to: RelayBench.address())
        let upstream = try InternetSocket(.stream, for: RelayBench.address())
        try upstream.connect(to: servers.localAddress())
        let server = try RelayBench.accept(servers)
        let flow = NameFlow(
          source: try program.localAddress().port, address: try #require(IPAddress("127.0.0.1")), port: port)
        while !link.send(.connect(id: id, flow, names: []), upstream.descriptor) { _ = try Self.next(&link) }
        try program.connect(to: RelayBench.address(port))
        open.append((Speaker(program), Speaker(server)))
        while accepted <= id {
          for effect in try Self.next(&link) { if case .relay(.accepted) = effect { accepted += 1 } }
        }
      }
      for (program, server) in open {
        try program.say("(".utf8)
        try server.say("y".utf8)
      }
      for (program, server) in open {
        _ = try wait([Interest.readable(program.socket.descriptor.rawValue, ())], until: .now + .seconds(20))
        _ = try wait([Interest.readable(server.socket.descriptor.rawValue, ())], until: .now + .seconds(20))
        #expect(try program.hears("y"))
        #expect(try server.hears("("))
      }
      let used = ProcessStatus.memory(of: link.process, proportional: false)
      #expect((used ?? .max) - (idle ?? 0) < 4000)
    }
  }
}
