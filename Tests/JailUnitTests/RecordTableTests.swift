import Linux
import Policy
import Record
import Testing

@testable import Jail

func refusedPacket(_ destination: String = "10.1.2.3", port: UInt16 = 443, name: String = "psql") throws
  -> RefusedPacket
{
  RefusedPacket(
    destination: try #require(IPAddress(destination)), protocolNumber: 6, port: port,
    sender: .process(.init(process: 123, name: name), parents: []))
}

@Suite struct RefusalTableTests {
  private typealias Table = RefusalTable<PacketRefusal.Key, PacketRefusal>
  private let start = Instant(milliseconds: 1_000_000)
  private let decision: Decision

  init() throws {
    let configuration = try ConfigurationParser.parse([(name: "test", text: Array("network = none\n".utf8))])
    let plan = try Plan.make(configuration: configuration, facts: HostFacts())
    decision = plan.decide(Attempt(try refusedPacket()).flow)
  }

  private func add(_ packet: RefusedPacket, to table: inout Table, at now: Instant) -> Bool {
    let key = PacketRefusal.Key(packet)
    if table.count(key) { return false }
    table.add(key, PacketRefusal(packet: packet, decision: decision, name: nil), now: now)
    return true
  }

  /// The first is told at once, and repetitions later, more and more rarely.
  @Test func repetitions() throws {
    var table = Table()
    let packet = try refusedPacket()
    let isFirst = add(packet, to: &table, at: start)
    #expect(isFirst && table.deadline == nil)
    // Once a second, for a week.
    var told: [Int] = []
    for second in 1...604_800 {
      let now = start + .seconds(second)
      let isFirst = add(packet, to: &table, at: now)
      #expect(!isFirst)
      if let due = table.deadline, due <= now { told += table.takeDue(now).map(\.count) }
    }
    told += table.takeDue(start, all: true).map(\.count)
    #expect(told.reduce(0, +) == 604_800 && table.total == 604_801)
    #expect(told.prefix(4) == [10, 20, 40, 80])
    #expect(told.count < 1000)
  }

  @Test func aScanMakesItFullAndNoMore() throws {
    var table = Table()
    for port in 0..<UInt16(3000) { _ = add(try refusedPacket(port: port), to: &table, at: start) }
    #expect(table.entries.count == Table.mostEntries && table.total == 3000)
  }

  /// The one that was told longest ago makes room, unless it has something to tell.
  @Test func makesRoom() throws {
    var table = Table()
    for port in 0..<UInt16(Table.mostEntries) {
      _ = add(try refusedPacket(port: port), to: &table, at: start + .seconds(Int(port)))
    }
    _ = add(try refusedPacket(port: 0), to: &table, at: start)
    _ = add(try refusedPacket(port: 60_000), to: &table, at: start + .seconds(600))
    func has(_ port: UInt16) throws -> Bool {
      table.entries[PacketRefusal.Key(try refusedPacket(port: port))] != nil
    }
    #expect(try has(0) && !has(1) && has(2) && has(60_000))
    for port in table.entries.keys.compactMap(\.attempt.port) {
      _ = add(try refusedPacket(port: port), to: &table, at: start)
    }
    _ = add(try refusedPacket(port: 60_001), to: &table, at: start + .seconds(601))
    #expect(try !has(60_001))
  }

  @Test func programsAreToldApart() throws {
    var table = Table()
    for name in ["psql", "curl", "psql"] { _ = add(try refusedPacket(name: name), to: &table, at: start) }
    #expect(table.entries.values.map(\.total).sorted() == [1, 2])
  }
}

@Suite struct NameTableTests {
  private let start = Instant(milliseconds: 1_000_000)

  @Test func counts() {
    var table = NameTable()
    for name in ["b.example", "a.example", "b.example"] { table.count(name, now: start) }
    #expect(table.deadline == start + .seconds(60))
    #expect(
      table.takeUntold().names == [.init(name: "a.example", count: 1), .init(name: "b.example", count: 2)])
    #expect(table.deadline == nil && table.takeUntold().names.isEmpty && table.total == 3)
  }

  @Test func isBounded() throws {
    var table = NameTable()
    for number in 0..<100_000 {
      table.count("\(number).example", now: start)
      let address = try #require(IPAddress("10.\(number >> 16).\(number >> 8 & 255).\(number & 255)"))
      table.learn("\(number).example", [address])
    }
    #expect(table.nameCount == NameTable.mostNames && table.total == 100_000)
    let (names, others) = table.takeUntold()
    #expect((names.count, others) == (NameTable.mostNames, 100_000 - NameTable.mostNames))
    #expect(table.name(of: try #require(IPAddress("10.0.0.1"))) == nil)
    #expect(table.name(of: try #require(IPAddress("10.1.134.159"))) == "99999.example")
  }

  @Test func theEndOfALongNameIsKept() {
    var table = NameTable()
    table.count(String(repeating: "\\027", count: 250) + ".example.org", now: start)
    let name = table.takeUntold().names.first?.name ?? ""
    #expect(name.utf8.count == 258 && name.hasPrefix("...") && name.hasSuffix(".example.org"))
  }

  @Test func theLastNameCounts() throws {
    var table = NameTable()
    let address = try #require(IPAddress("10.1.2.3"))
    table.learn("a.example", [address])
    table.learn("b.example", [address])
    #expect(table.name(of: address) == "b.example")
  }
}
