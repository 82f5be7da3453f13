/// The names of supervisors' sockets in the abstract namespace of the host's network: random, so that nobody can take one before.
enum ControlName {
  static let prefix = "claude-sandbox/"
  /// Bytes.
  static let length = prefix.utf8.count + 32

  /// Whether a supervisor may have made this name.
  static func isOne(_ name: String) -> Bool {
    name.utf8.count == length && name.hasPrefix(prefix)
      && name.utf8.dropFirst(prefix.utf8.count).allSatisfy { "0123456789abcdef".utf8.contains($0) }
  }

  /// The name in a line of /proc/net/unix, if it is that of a listening SOCK_SEQPACKET socket, and a supervisor may have made it.
  static func listening(_ line: [UInt8]) -> String? {
    // Most are others': the end of the line tells.
    let name = String(decoding: line.suffix(length), as: UTF8.self)
    guard isOne(name) else { return nil }
    let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
    // Number, references, protocol, flags (SO_ACCEPTCON), type, state, inode, path.
    guard fields.count == 8, fields[3] == "00010000", fields[4] == "0005", fields[7] == "@" + name else {
      return nil
    }
    return name
  }
}
