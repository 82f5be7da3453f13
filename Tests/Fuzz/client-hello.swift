import Inspection

/// What the jail sends first, in records as they come or around a message, and the server's answer.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe input(data, count)
  guard let choice = bytes.first else { return 0 }
  let port: UInt16 = choice & 1 == 0 ? 443 : 8883
  var stream = Array(bytes.dropFirst())
  if choice & 2 != 0 { stream = records(around: stream, of: 1 + Int(choice >> 4) * 40) }

  var whole = Relayed(port: port)
  whole.send(stream)
  var pieces = Relayed(port: port)
  pieces.sendPieces(stream)
  whole.agree(pieces)
  check(whole)

  guard choice & 4 != 0, whole.refusal == nil else { return 0 }
  whole.receive(retry)
  pieces.receivePieces(retry)
  // The same again in records, as a second ClientHello.
  whole.send(stream)
  pieces.sendPieces(stream)
  whole.agree(pieces)
  check(whole)
  return 0
}

/// A ClientHello with this body.
private func records(around body: [UInt8], of size: Int) -> [UInt8] {
  let message = [1] + number(body.count, 3) + body
  return stride(from: 0, to: message.count, by: size).flatMap {
    [22, 3, 1] + number(min(size, message.count - $0), 2) + message.dropFirst($0).prefix(size)
  }
}

private func number(_ value: Int, _ count: Int) -> [UInt8] {
  (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// A HelloRetryRequest, as far as it matters.
private let retry: [UInt8] =
  [22, 3, 3, 0, 76, 2, 0, 0, 72, 3, 3] + [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
  ] + [UInt8](repeating: 0, count: 38)

/// Every ClientHello that passed has no other name in it.
private func check(_ relayed: Relayed) {
  guard relayed.passed.starts(with: [22, 3]), relayed.refusal == nil else { return }
  var messages: [UInt8] = []
  var rest = relayed.passed[...]
  while rest.count > 5 {
    let length = rest.dropFirst(3).prefix(2).reduce(0) { $0 * 256 + Int($1) }
    if rest.first == 22 { messages += rest.dropFirst(5).prefix(length) }
    rest = rest.dropFirst(5 + length)
  }
  // What comes behind the second one is encrypted.
  for _ in 1...2 where messages.count >= 4 && messages[0] == 1 {
    let length = messages[1...3].reduce(0) { $0 * 256 + Int($1) }
    for name in serverNames(Array(messages.dropFirst(4).prefix(length))) {
      require(name.lowercased() == Relayed.name, "passed: \(name)")
    }
    messages.removeFirst(min(messages.count, 4 + length))
  }
}

/// Every name in the body of a ClientHello. Written without a look at how the inspector does it.
private func serverNames(_ body: [UInt8]) -> [String] {
  func number(_ place: Int, _ count: Int) -> Int {
    body.dropFirst(place).prefix(count).reduce(0) { $0 * 256 + Int($1) }
  }
  var place = 34
  place += 1 + number(place, 1)
  place += 2 + number(place, 2)
  place += 1 + number(place, 1)
  place += 2
  var names: [String] = []
  while place + 4 <= body.count {
    let end = place + 4 + number(place + 2, 2)
    if number(place, 2) == 0 {
      place += 6
      while place + 3 <= end {
        let length = number(place + 1, 2)
        names.append(String(decoding: body.dropFirst(place + 3).prefix(length), as: UTF8.self))
        place += 3 + length
      }
    }
    place = end
  }
  return names
}
