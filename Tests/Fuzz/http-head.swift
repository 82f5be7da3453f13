import Inspection

/// What jail and server say in turn, with 0xff between.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe input(data, count)
  guard let choice = bytes.first else { return 0 }
  let ports: [UInt16] = [80, 443, 8080, 80]
  let port = ports[Int(choice & 3)]
  let turns = bytes.dropFirst().split(separator: 0xff, omittingEmptySubsequences: false)
  var whole = Relayed(port: port)
  var pieces = Relayed(port: port)
  for (number, turn) in turns.enumerated() {
    if number.isMultiple(of: 2) {
      whole.send(turn)
      pieces.sendPieces(turn)
    } else {
      whole.receive(Array(turn))
      pieces.receivePieces(turn)
    }
  }
  whole.agree(pieces)
  check(whole, port)
  check(pieces, port)
  return 0
}

/// Every request that passed is for the name.
private func check(_ relayed: Relayed, _ port: UInt16) {
  var rest = relayed.passed.prefix(relayed.inspected)
  if relayed.passed.first == 22 { return }
  if relayed.inspector.isDone, rest.isEmpty {
    let words = words(relayed.passed)
    let isRequest = words.count == 3 && words[2].hasPrefix("HTTP/1") && words[0].allSatisfy(\.isLetter)
    require(relayed.isServerFirst || !isRequest, "passed as no HTTP: \(words)")
    return
  }
  while !rest.isEmpty {
    guard let request = Request(rest) else { fatalError("passed: \(String(decoding: rest, as: UTF8.self))") }
    let hosts = request.fields.filter { $0.name == "host" }.map(\.value)
    require(hosts == [Relayed.name] || hosts == ["\(Relayed.name):\(port)"], "passed: \(hosts)")
    require(request.method != "CONNECT", "passed: CONNECT")
    rest = request.rest
  }
}

/// The words of the first line that has any.
private func words(_ bytes: [UInt8]) -> [String] {
  let line = bytes.drop { [9, 10, 11, 12, 13, 32].contains($0) }.prefix { $0 != 10 }
  return String(decoding: line, as: UTF8.self).split { " \t\u{b}\u{c}\r".contains($0) }.map(String.init)
}

/// A request and what follows it. Written without a look at how the inspector does it.
private struct Request {
  let method: String
  private(set) var fields: [(name: String, value: String)] = []
  private(set) var rest: ArraySlice<UInt8>

  init?(_ bytes: ArraySlice<UInt8>) {
    rest = bytes
    let first = (Self.line(&rest) ?? "").split(separator: " ", omittingEmptySubsequences: false)
    guard first.count == 3, first[2].hasPrefix("HTTP/1.") else { return nil }
    method = String(first[0])
    while let line = Self.line(&rest), !line.isEmpty {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      let value = parts[1].drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }
        .reversed()
      fields.append((parts[0].lowercased(), String(value).lowercased()))
    }
    skipBody()
  }

  private mutating func skipBody() {
    if let length = fields.first(where: { $0.name == "content-length" }).flatMap({ Int($0.value) }) {
      rest = rest.dropFirst(length)
    } else if fields.contains(where: { $0.name == "transfer-encoding" }) {
      while let line = Self.line(&rest), let size = Int(line.prefix { $0 != ";" }, radix: 16) {
        rest = rest.dropFirst(size)
        if size > 0 { _ = Self.line(&rest) } else { while let line = Self.line(&rest), !line.isEmpty {} }
        if size == 0 { break }
      }
    }
  }

  /// The bytes up to the next line end, one character each.
  private static func line(_ bytes: inout ArraySlice<UInt8>) -> String? {
    guard let end = bytes.firstIndex(of: 10) else {
      bytes = []
      return nil
    }
    let line = bytes[..<end].dropLast()
    bytes = bytes[(end + 1)...]
    return String(String.UnicodeScalarView(line.map { Unicode.Scalar($0) }))
  }
}
