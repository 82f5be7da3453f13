import Policy

/// A configuration file: a configuration that survives being written down, or complaints that a terminal can show.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let text = unsafe input(data, count)
  let lines = text.count { $0 == UInt8(ascii: "\n") } + 1
  do throws(ConfigurationError) {
    let configuration = try parse(text)
    let entries = configuration.rules.count + configuration.ignored.count + configuration.exposedSockets.count
    require(entries <= lines, "\(entries) entries in \(lines) lines")
    for rule in configuration.rules { checkSpelling(rule) }
    checkPorts(configuration)
  } catch {
    require((1...lines).contains(error.diagnostics.count), "\(error.diagnostics.count) complaints")
    for diagnostic in error.diagnostics {
      require((1...lines).contains(diagnostic.line), "line \(diagnostic.line)")
      // One behind the end is where something is missing.
      require((1...diagnostic.text.count + 1).contains(diagnostic.column), "column \(diagnostic.column)")
    }
    let shown = Array(error.description.utf8)
    require(!shown.contains { $0 < 0x20 && $0 != 10 && $0 != 9 || $0 == 0x7f }, "control characters")
    // U+0080 to U+009F.
    require(!zip(shown, shown.dropFirst()).contains { $0 == 0xc2 && $1 < 0xa0 }, "control characters")
  }
  return 0
}

private func parse(_ text: some Collection<UInt8>) throws(ConfigurationError) -> Configuration {
  try ConfigurationParser.parse([(name: "fuzz.conf", text: Array(text))])
}

/// The lines about ports are as many as there can be, stand together, and are read again as they are printed.
private func checkPorts(_ configuration: Configuration) {
  let lines = configuration.portLines.map(\.value)
  require(
    configuration.hostPorts.map(\.value.outside.count).reduce(0, +) <= Configuration.mostHostPorts, "ports")
  for line in lines { require(configuration.collision(with: line) == nil, "\(line)") }
  let text = lines.map { "\($0)\n" }.joined()
  do {
    require(try parse(text.utf8).portLines.map(\.value) == lines, text)
  } catch {
    fatalError("\(text): \(error)")
  }
}

private func checkSpelling(_ rule: Rule) {
  let services = rule.services
  var ports = ""
  if services != .all {
    ports = services.tcp.isEmpty ? ":\(services.udp)/udp" : ":\(services.tcp)"
    if services.udp.isEmpty { ports += "/tcp" }
  }
  let place = rule.prefix.family == .ipv6 ? "[\(rule.prefix)]" : "\(rule.prefix)"
  let line = "\(rule.action == .allow ? "allow" : "block")-net = \(place)\(ports)"
  do {
    let again = try parse(line.utf8).rules
    require(
      again.map(\.prefix) == [rule.prefix] && again.map(\.services) == [services]
        && again.map(\.action) == [rule.action], "\(rule) is not \(again)")
  } catch {
    fatalError("\(rule): \(error)")
  }
}
