/// Writes ClientHellos, right and wrong ones.
struct Hello {
  var names: [String] = ["example.org"]
  /// In place of one extension with these names.
  var serverNames: [[UInt8]]?
  var session = [UInt8](repeating: 7, count: 32)
  var suites: [UInt8] = [0x13, 0x01, 0x13, 0x02]
  var compressions: [UInt8] = [0]
  var others = Hello.extension(43, [2, 3, 4])
  var hasExtensions = true
  var behind: [UInt8] = []

  static func number(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  static func vector(_ bytes: [UInt8], _ count: Int) -> [UInt8] { number(bytes.count, count) + bytes }

  static func `extension`(_ type: Int, _ data: [UInt8]) -> [UInt8] { number(type, 2) + vector(data, 2) }

  static func serverName(_ names: [String]) -> [UInt8] {
    Hello.extension(0, vector(names.flatMap { [0] + vector(Array($0.utf8), 2) }, 2))
  }

  var body: [UInt8] {
    let named = serverNames ?? (names.isEmpty ? [] : [Self.serverName(names)])
    let extensions = hasExtensions ? Self.vector(others + named.flatMap { $0 }, 2) : []
    return [3, 3] + [UInt8](repeating: 9, count: 32) + Self.vector(session, 1) + Self.vector(suites, 2)
      + Self.vector(compressions, 1) + extensions + behind
  }

  var message: [UInt8] { [1] + Self.vector(body, 3) }

  var record: [UInt8] { Self.record(message) }

  static func record(_ fragment: [UInt8], type: UInt8 = 22, version: [UInt8] = [3, 1]) -> [UInt8] {
    [type] + version + vector(fragment, 2)
  }

  /// The message in records of so many bytes each.
  func records(of size: Int) -> [UInt8] {
    stride(from: 0, to: message.count, by: size).flatMap {
      Self.record(Array(message[$0..<min($0 + size, message.count)]))
    }
  }
}
