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
        if let name = controlName(line) { names.insert(name) }
        line.removeAll(keepingCapacity: true)
        if names.count == mostNames { return (names, false) }
      }
    }
    return (names, true)
  }

  /// The name in a line, if it is that of a listening SOCK_SEQPACKET socket, and a supervisor may have made it.
  static func controlName(_ line: [UInt8]) -> String? {
    // Most are others': the end of the line tells.
    let name = String(decoding: line.suffix(ControlName.length), as: UTF8.self)
    guard ControlName.isOne(name) else { return nil }
    let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    // Number, references, protocol, flags (SO_ACCEPTCON), type, state, inode, path.
    guard fields.count == 8, fields[3] == "00010000", fields[4] == "0005", fields[7] == "@" + name else {
      return nil
    }
    return name
  }
}
