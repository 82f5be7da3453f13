public import Linux
public import Record

/// The records that there are, for whoever reads them. They are in a home that jails may write to, so nothing in them is believed.
public struct RecordStore: ~Copyable {
  /// For whoever waits for more.
  public let directory: FileDescriptor

  /// So many names are looked at, and so much of a file.
  private static let mostNames = 4096
  private static let mostBytes = 2 * RecordFile.most

  /// Opens the directory, if there is one.
  public init(_ environment: Environment) throws(RecordDirectory.Unavailable) {
    directory = try RecordDirectory.open(environment, making: false)
  }

  /// The files, oldest launch first.
  public func names() throws(SystemCallError) -> [RecordName] {
    try FileStatus.names(in: directory, of: [.regular], atMost: Self.mostNames)
      .compactMap { RecordName(String(decoding: $0, as: UTF8.self)) }.sorted()
  }

  /// The lines of a file from a place in it, without their ends; and where the next one begins. What is not ended yet is not there
  /// yet. Nothing of a file that has gone, or is not a regular one of this user's.
  public func lines(of name: RecordName, from start: Int) -> (lines: [ArraySlice<UInt8>], end: Int) {
    guard let file = try? directory.open(at: "\(name)", FileDescriptor.readOnlyUntrusted),
      let status = try? FileStatus.of(file), status.kind == .regular, status.owner == Process.userID
    else { return ([], start) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < Self.mostBytes, let count = try? file.read(into: &buffer, at: start + bytes.count),
      count > 0
    {
      bytes += buffer[..<count]
    }
    let lineEnd = UInt8(ascii: "\n")
    guard let last = bytes.lastIndex(of: lineEnd) else { return ([], start) }
    return (bytes[..<last].split(separator: lineEnd), start + last + 1)
  }
}
