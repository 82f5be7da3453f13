/// The bytes of a DNS name.
func name(_ text: String) -> [UInt8] {
  text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
}

/// A query as a stub resolver makes it: RD set, one question of class IN, an OPT record if wanted.
func query(_ text: String, type: UInt16 = 1, id: UInt16 = 0xbeef, edns: Bool = false) -> [UInt8] {
  let header: [UInt8] = [
    UInt8(id >> 8), UInt8(id & 0xff), 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0,
  ]
  let opt: [UInt8] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0]
  return header + name(text) + [UInt8(type >> 8), UInt8(type & 0xff), 0, 1] + (edns ? opt : [])
}

/// A resolver's answer: the query with QR and RA, a response code, and more bytes behind it.
func answer(_ query: [UInt8], code: UInt8 = 0, record: [UInt8] = []) -> [UInt8] {
  var message = query + record
  message[2] |= 0x80
  message[3] = 0x80 | code
  return message
}

/// An A record for the name in the question.
func record(_ last: UInt8) -> [UInt8] { [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, last] }

func framed(_ message: [UInt8]) -> [UInt8] {
  [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
}

func changed(_ bytes: [UInt8], _ index: Int, _ value: UInt8) -> [UInt8] {
  var bytes = bytes
  bytes[index] = value
  return bytes
}

func cut(_ bytes: [UInt8], to count: Int) -> [UInt8] { Array(bytes[..<count]) }

func replaced(_ bytes: [UInt8], at index: Int, by other: [UInt8]) -> [UInt8] {
  Array(bytes[..<index]) + other + Array(bytes[(index + other.count)...])
}
