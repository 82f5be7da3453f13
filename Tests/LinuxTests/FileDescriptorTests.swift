import Testing

@testable import Linux

struct FileDescriptorTests {
  private func isOpen(_ number: CInt) -> Bool { (try? FileStatus.of("/proc/self/fd/\(number)")) != nil }

  @Test func closesWithItsOwner() throws {
    var number: CInt = -1
    do {
      let file = try FileDescriptor.open("/dev/null", FileDescriptor.readOnly)
      number = file.rawValue
      // The check below must be able to fail.
      #expect(isOpen(number))
    }
    #expect(!isOpen(number))
  }

  @Test func releasedStaysOpen() throws {
    let number = try FileDescriptor.open("/dev/null", FileDescriptor.readOnly).release()
    #expect(isOpen(number))
    _ = FileDescriptor(owning: number)
    #expect(!isOpen(number))
  }

  @Test func errorNamesCallPathAndReason() {
    let error = #expect(throws: SystemCallError.self) {
      _ = try FileDescriptor.open("/nonexistent", FileDescriptor.readOnly)
    }
    #expect(error?.description == "open /nonexistent: No such file or directory")
  }

  @Test func limitIsEnforced() throws {
    let pipe = try Pipe()
    try pipe.writer.write([UInt8](repeating: 1, count: 100))
    let error = #expect(throws: SystemCallError.self) { _ = try pipe.reader.readAll(limit: 99) }
    #expect(error?.description == "read: File too large")
  }

  @Test func endOfPipeEndsReading() throws {
    let pipe = try Pipe()
    try pipe.writer.write(Array("abc".utf8))
    let reader = pipe.keepReader()
    #expect(try reader.readAll(limit: 100) == Array("abc".utf8))
  }
}
