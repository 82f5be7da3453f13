import FoundationEssentials
import Linux
import Testing

@Suite struct FileEventsTests {
  /// A directory with a file in it, which goes with the test.
  private final class Place {
    let path = FileManager.default.temporaryDirectory.appending(path: "events-\(UUID().uuidString)").path()
    var file: String { "\(path)/file" }

    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
      try write("one")
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: file)) }
  }

  private func watching(_ paths: String...) throws -> FileEvents {
    var events = try FileEvents()
    events.beginPass()
    for path in paths { try events.watch(path) }
    events.endPass()
    return events
  }

  @Test func nothingComesOfReading() throws {
    let place = try Place()
    var events = try watching(place.path, place.file)
    #expect(events.count == 2)
    _ = try FileDescriptor.contents(of: place.file)
    _ = try FileStatus.names(in: place.path)
    #expect(!events.take().isThere)
  }

  @Test func whatIsBeingWritten() throws {
    let place = try Place()
    var events = try watching(place.file)
    let file = try FileDescriptor.open(place.file, FileDescriptor.readWrite)
    try file.write([1])
    #expect(events.take().isBeingWritten == true)
    // Nothing new is told of it.
    let quiet = events.take()
    #expect(!quiet.isThere && quiet.isBeingWritten == nil)
    _ = consume file
    #expect(events.take().isBeingWritten == false)
  }

  @Test func aFileThatIsReplaced() throws {
    let place = try Place()
    var events = try watching(place.path, place.file)
    try FileManager.default.moveItem(atPath: place.file, toPath: "\(place.path)/away")
    let moved = events.take()
    #expect(moved.isThere && moved.isBeingWritten != true)
    try place.write("two")
    #expect(events.take().isThere)
    // Without the first file, whose watch has gone with it or is let go.
    events.beginPass()
    try events.watch(place.path)
    try events.watch(place.file)
    events.endPass()
    #expect(!events.take().isThere, "the end of a watch is no event")
    let away = try FileDescriptor.open("\(place.path)/away", FileDescriptor.readWrite)
    try away.write([1])
    // By its directory, which is watched.
    #expect(events.take().isThere)
  }

  @Test func whatIsLetGo() throws {
    let place = try Place()
    var events = try watching(place.file)
    events.beginPass()
    events.endPass()
    try FileDescriptor.open(place.file, FileDescriptor.readWrite).write([1])
    #expect(!events.take().isThere)
  }

  /// More than the queue holds: something came.
  @Test func anOverflow() throws {
    let place = try Place()
    var events = try watching(place.path)
    let names = ["a", "b"].map { "\(place.path)/\($0)" }
    for name in names { try Data().write(to: URL(filePath: name)) }
    for _ in 0..<20000 {
      for name in names { _ = try FileDescriptor.open(name, FileDescriptor.readWrite) }
    }
    #expect(events.take().isThere)
    #expect(!events.take().isThere, "one take empties the queue")
  }

  @Test func whatIsNotThere() throws {
    let place = try Place()
    var events = try FileEvents()
    #expect(throws: SystemCallError("inotify_add_watch", "\(place.path)/none", errno: Errno.ENOENT)) {
      try events.watch("\(place.path)/none")
    }
  }
}
