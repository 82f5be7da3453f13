import Linux

/// The Unix sockets of this process's network namespace (/proc/net/unix, unix(7)).
enum UnixSocketTable {
  /// More names than that are not read: anyone can make any number.
  static let mostNames = 16_384

  /// The names under which supervisors may be listening, and whether these are all.
  static func controlNames() throws(SystemCallError) -> (names: Set<String>, isComplete: Bool) {
    let file = try FileDescriptor.open("/proc/net/unix", FileDescriptor.readOnly)
    var names: Set<String> = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    var line: [UInt8] = []
    while case let count = try file.read(into: &buffer), count > 0 {
      for byte in buffer[..<count] {
        if byte != UInt8(ascii: "\n") {
          line.append(byte)
          continue
        }
        if let name = ControlName.listening(line) { names.insert(name) }
        line.removeAll(keepingCapacity: true)
        if names.count == mostNames { return (names, false) }
      }
    }
    return (names, true)
  }
}
