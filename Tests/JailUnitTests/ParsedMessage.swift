/// A DNS message as another reader sees it: written without a look at how the jail makes its own.
struct ParsedMessage: Equatable {
  struct Record: Equatable {
    var owner: String
    var type: Int
    var recordClass: Int
    var timeToLive: Int
    var data: [UInt8]
  }

  struct Malformed: Error {}

  var id = 0
  var flags = 0
  var question = ""
  var type = 0
  var recordClass = 0
  var answers: [Record] = []
  var authority: [Record] = []
  var additional: [Record] = []

  var code: Int { flags & 15 }

  init(_ bytes: [UInt8]) throws {
    var position = 0
    func number(_ count: Int) throws -> Int {
      guard position + count <= bytes.count else { throw Malformed() }
      defer { position += count }
      return bytes[position..<position + count].reduce(0) { $0 * 256 + Int($1) }
    }
    func name() throws -> String {
      var labels: [String] = []
      var back: Int?
      for _ in 0..<256 {
        let length = try number(1)
        if length >= 192 {
          let low = try number(1)
          back = back ?? position
          position = (length - 192) * 256 + low
        } else if length == 0 {
          position = back ?? position
          return labels.joined(separator: ".")
        } else {
          guard length < 64, position + length <= bytes.count else { throw Malformed() }
          labels.append(String(decoding: bytes[position..<position + length], as: UTF8.self))
          position += length
        }
      }
      throw Malformed()
    }
    func record() throws -> Record {
      let (owner, type, recordClass, time) = (try name(), try number(2), try number(2), try number(4))
      let count = try number(2)
      guard position + count <= bytes.count else { throw Malformed() }
      defer { position += count }
      return Record(
        owner: owner, type: type, recordClass: recordClass, timeToLive: time,
        data: Array(bytes[position..<position + count]))
    }
    (id, flags) = (try number(2), try number(2))
    let counts = try (0..<4).map { _ in try number(2) }
    guard counts[0] == 1 else { throw Malformed() }
    (question, type, recordClass) = (try name(), try number(2), try number(2))
    answers = try (0..<counts[1]).map { _ in try record() }
    authority = try (0..<counts[2]).map { _ in try record() }
    additional = try (0..<counts[3]).map { _ in try record() }
    guard position == bytes.count else { throw Malformed() }
  }
}
