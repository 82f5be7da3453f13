import Policy

/// Names as the configuration takes them, and as they stand in a question: the same bytes are one name, or no name, to both.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = unsafe input(data, count)
  let asked = DomainName(labels: labels(bytes))
  if let asked { checkForm(asked) }
  for key in ["allow-domain", "block-domain", "allow-internal-domain"] { check(key, bytes) }
  // What is asked for by its labels is in the configuration under the same name, or refused there for what it means.
  if let asked, let rule = rule("allow-domain = =\(asked)") {
    require(rule.pattern == DomainPattern(asked, .exact), "\(asked) is \(rule.pattern)")
  }
  return 0
}

/// A line with any value: if it is taken, its wire form is the same name, and what is printed says the same again.
private func check(_ key: String, _ value: [UInt8]) {
  guard !value.contains(UInt8(ascii: "\n")), let rule = rule(Array("\(key) = ".utf8) + value) else { return }
  let name = rule.pattern.name
  checkForm(name)
  let wire = name.text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
  require(DomainName(labels: wire) == name, "\(name) has another wire form")
  require(DomainName(labels: wire.map { $0.map(upper) }) == name, "\(name) has another form in capitals")
  // No program may take it for an address, nor for this machine.
  let last = wire.last.map { String(decoding: $0, as: UTF8.self) } ?? ""
  require(last != "localhost" && !last.allSatisfy(\.isNumber) && !last.hasPrefix("0x"), "\(name) is taken")
  // It is the value, but for what stands around it: nobody's name is changed into another one.
  let shown = String(decoding: value, as: UTF8.self).lowercased()
  require(shown.contains(name.text), "\(shown) became \(name)")
  let again = Fuzz.rule("\(key) = \(rule.text)")
  let isSame = again?.pattern == rule.pattern && again?.ports == rule.ports && again?.action == rule.action
  require(isSame, "\(rule) is not \(String(describing: again))")
}

private func checkForm(_ name: DomainName) {
  require((1...253).contains(name.text.utf8.count), "\(name) has \(name.text.utf8.count) bytes")
  require(DomainName(name.text) == name && DomainName(name.text + ".") == name, "\(name) has another form")
  require(name.labels.joined(separator: ".") == name.text, "\(name) has other labels")
  require(name.labels.allSatisfy { (1...63).contains($0.utf8.count) }, "\(name) has long labels")
}

/// The input as labels, each behind its length, as in a question: any byte can be in one.
private func labels(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
  var labels: [ArraySlice<UInt8>] = []
  var rest = bytes[...]
  while let length = rest.popFirst(), length > 0 {
    labels.append(rest.prefix(Int(length)))
    rest = rest.dropFirst(Int(length))
  }
  return labels
}

private func rule(_ line: String) -> DomainRule? { rule(Array(line.utf8)) }

private func rule(_ line: [UInt8]) -> DomainRule? {
  do throws(ConfigurationError) {
    return try ConfigurationParser.parse([(name: "fuzz.conf", text: line)]).domains.first
  } catch {
    require(error.diagnostics.allSatisfy { (1...$0.text.count + 1).contains($0.column) }, "\(error)")
    return nil
  }
}

private func upper(_ byte: UInt8) -> UInt8 {
  (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte - 32 : byte
}

extension DomainRule {
  /// The value that says the rule.
  fileprivate var text: String {
    let line = self.line
    return String(line[(line.firstIndex(of: "=").map(line.index(after:)) ?? line.startIndex)...])
  }
}
