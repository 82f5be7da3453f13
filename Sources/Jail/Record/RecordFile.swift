import Linux
import Record

/// The files of one launch's record, in a directory that is held open: nothing is opened by path again.
///
/// The first file stays, so that nobody pushes the beginning out by what comes later; of the others there are the last two.
final class RecordFile {
  private let directory: FileDescriptor
  private let first: Part
  /// The first, or once that is full, the last.
  private var current: Part

  /// In bytes.
  static let most = 1 << 20

  /// Makes the first file.
  init(in directory: consuming FileDescriptor, _ name: RecordName) throws(SystemCallError) {
    first = try Part(name, in: directory)
    current = first
    self.directory = directory
  }

  /// Adds a line, whole or not at all.
  func append(_ line: String) throws(SystemCallError) {
    let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
    if current.digest.count + bytes.count > Self.most { try beginNext() }
    try current.write(bytes)
  }

  private func beginNext() throws(SystemCallError) {
    let name = current.name
    current = try Part(name.numbered(name.number + 1), in: directory)
    if name.number > 2 { try? directory.remove("\(name.numbered(name.number - 1))") }
  }

  /// Takes the file away again: nothing has happened.
  func discard() { try? directory.remove("\(first.name)") }

  /// Whether the files are what was written, and where they were put. For the end, when nobody of the jail can change
  /// them any more.
  var isIntact: Bool { first.isIntact(in: directory) && current.isIntact(in: directory) }

  /// One of the files.
  private final class Part {
    let name: RecordName
    let file: FileDescriptor
    var digest = Digest()

    init(_ name: RecordName, in directory: borrowing FileDescriptor) throws(SystemCallError) {
      self.name = name
      file = try directory.open(at: "\(name)", FileDescriptor.createNewAppending, mode: 0o600)
      // It says that the launch goes on. Not every file system has locks, and then only pruning is less careful.
      _ = try? file.lock()
    }

    func write(_ bytes: [UInt8]) throws(SystemCallError) {
      do throws(SystemCallError) {
        try file.write(bytes)
        digest.add(bytes[...])
      } catch {
        // Part of it may be there.
        try? file.truncate(to: digest.count)
        throw error
      }
    }

    func isIntact(in directory: borrowing FileDescriptor) -> Bool {
      guard let status = try? FileStatus.of(file), status.size == digest.count,
        let named = try? directory.refer(toWithoutLinks: Array("\(name)".utf8)),
        (try? FileStatus.of(named))?.identity == status.identity
      else { return false }
      var found = Digest()
      var buffer = [UInt8](repeating: 0, count: 1 << 14)
      while found.count < digest.count, let count = try? file.read(into: &buffer, at: found.count), count > 0
      {
        found.add(buffer[..<count])
      }
      return found == digest
    }
  }

  // What a launch may keep of earlier ones.
  private static let mostLaunches = 64
  private static let mostBytes = 16 << 20
  /// So many names are looked at.
  private static let mostNames = 4096

  /// Removes what is too old, or too much, of launches that have ended: only what is a file of this user's with a name of ours.
  func prune() {
    guard let all = try? FileStatus.names(in: directory, of: [.regular], atMost: Self.mostNames) else {
      return
    }
    let names = all.compactMap { RecordName(String(decoding: $0, as: UTF8.self)) }.sorted().reversed()
    var launches: Set<String> = []
    var bytes = 0
    for name in names where name.launch != first.name.launch {
      guard let file = try? directory.open(at: "\(name)", FileDescriptor.readOnlyUntrusted),
        let status = try? FileStatus.of(file), status.kind == .regular, status.owner == Process.userID
      else { continue }
      launches.insert(name.launch)
      bytes += status.size
      let isTooMuch = launches.count >= Self.mostLaunches || bytes > Self.mostBytes
      // A launch that was killed before its command ran leaves an empty one.
      if isTooMuch || status.size == 0, (try? file.lock()) != false { try? directory.remove("\(name)") }
    }
  }

  /// How many bytes, and a number that whoever does not know the two secrets cannot arrange for other bytes.
  private struct Digest: Equatable {
    private(set) var count = 0
    private var value = Self.start
    private static let start = UInt64.random(in: .min ... .max)
    private static let factor = UInt64.random(in: .min ... .max) | 1

    mutating func add(_ bytes: ArraySlice<UInt8>) {
      count += bytes.count
      for byte in bytes { value = (value ^ UInt64(byte)) &* Self.factor }
    }
  }
}
