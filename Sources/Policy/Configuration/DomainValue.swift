/// The value of `allow-domain`, `allow-internal-domain`, `block-domain`.
///
/// `NAME` means the name and all below it, `*.NAME` all below it and not itself, `=NAME` itself alone; behind it `:PORTS`, which are
/// TCP ports, or `*` for all. An internal name is always exact and has ports; what blocks has none.
struct DomainValue {
  let pattern: DomainPattern
  let ports: PortSet

  init(_ value: ArraySlice<UInt8>, _ form: DomainForm) throws(LineError) {
    let colon = value.firstIndex(of: UInt8(ascii: ":")) ?? value.endIndex
    if !Self.isOrdinary(value, colon) {
      try Self.refuseURL(value, form)
      try Self.refuseSeveral(value, form)
      try Self.refuseAddress(value, form)
      try Self.refuseSlash(value, form)
    }
    pattern = try Self.pattern(value[..<colon], form)
    ports = try Self.ports(value, colon, form)
  }

  // Whether it can be nothing else that people write in place of a name: thousands of lines are read at each launch.
  private static func isOrdinary(_ value: ArraySlice<UInt8>, _ colon: Int) -> Bool {
    guard let last = value[..<colon].last, !last.isDigit else { return false }
    return value[..<colon].allSatisfy { $0.isNameCharacter || $0 == UInt8(ascii: ".") }
      && value[colon...].dropFirst().allSatisfy {
        $0.isDigit || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "-")
      }
  }

  private static func refuseURL(_ value: ArraySlice<UInt8>, _ form: DomainForm) throws(LineError) {
    guard let url = PastedURL(value) else { return }
    let host = url.host.isEmpty ? "NAME" : text(url.host)
    let ports = form == .block ? "" : ":\(url.port ?? "PORT")"
    throw LineError(value.startIndex, "\(text(value)) is a URL", hint: "write \(form.key) = \(host)\(ports)")
  }

  private static func refuseSeveral(_ value: ArraySlice<UInt8>, _ form: DomainForm) throws(LineError) {
    if value.first == UInt8(ascii: "\"") || value.first == UInt8(ascii: "'") {
      throw LineError(value.startIndex, "\(form.key) takes a name without quotes")
    }
    let colon = value.firstIndex(of: UInt8(ascii: ":")) ?? value.endIndex
    let separator =
      value[..<colon].firstIndex(of: UInt8(ascii: ","))
      ?? value.firstIndex { $0.isBlank || $0 == UInt8(ascii: ";") }
    guard let separator else { return }
    throw LineError(
      separator, "\(form.key) takes one name, without spaces",
      hint: form == .block ? "write a line for each" : "write a line for each, and ports as NAME:80,443")
  }

  private static func refuseAddress(_ value: ArraySlice<UInt8>, _ form: DomainForm) throws(LineError) {
    let colon = value.firstIndex(of: UInt8(ascii: ":")) ?? value.endIndex
    let isIPv6 = value.first == UInt8(ascii: "[") || value[colon...].dropFirst().contains(UInt8(ascii: ":"))
    let isPrefix = (try? Prefix.parse(value[..<colon])) != nil
    guard isIPv6 || isPrefix || (try? IPAddress.parse(value[..<colon])) != nil else { return }
    let key = RuleForm(form.action, isPrefix: isPrefix).key
    throw LineError(
      value.startIndex, "\(text(value)) is not a name", hint: "for an address write \(key) = \(text(value))")
  }

  private static func refuseSlash(_ value: ArraySlice<UInt8>, _ form: DomainForm) throws(LineError) {
    guard let slash = value.firstIndex(of: UInt8(ascii: "/")) else { return }
    let hint = "write \(form.key) = \(text(value[..<slash]))"
    switch text(value[(slash + 1)...]).lowercased() {
    case "tcp":
      throw LineError(slash, "a name is reached over TCP, and its ports name no protocol", hint: hint)
    case "udp", "icmp":
      throw LineError(
        slash, "a name is reached over TCP only",
        hint: "UDP is refused at once, so that QUIC falls back to TCP")
    default: throw LineError(slash, "a name has no path", hint: hint)
    }
  }

  private static func pattern(_ place: ArraySlice<UInt8>, _ form: DomainForm) throws(LineError)
    -> DomainPattern
  {
    let isExact = place.first == UInt8(ascii: "=")
    let isBelow = place.starts(with: "*.".utf8)
    if form == .allowInternal {
      if isExact || isBelow {
        throw LineError(
          place.startIndex, "\(form.key) takes one exact name",
          hint: isExact ? "write it without \"=\"" : "write a line for each name")
      }
      return DomainPattern(try DomainText.name(place, form), .exact)
    }
    if isExact { return DomainPattern(try DomainText.name(place.dropFirst(), form), .exact) }
    if isBelow, place.count > 2 {
      return DomainPattern(try DomainText.name(place.dropFirst(2), form), .below)
    }
    return DomainPattern(try DomainText.name(place, form), .tree)
  }

  private static func ports(
    _ value: ArraySlice<UInt8>, _ colon: Int, _ form: DomainForm
  ) throws(LineError) -> PortSet {
    guard colon < value.endIndex else {
      switch form {
      case .allow: return DomainForm.usualPorts
      case .block: return .all
      case .allowInternal:
        throw LineError(value.endIndex, "\(form.key) needs ports", hint: "as in \(form.example)")
      }
    }
    if form == .block {
      throw LineError(
        colon, "\(form.key) takes a name without ports",
        hint: "it closes all of them: write \(text(value[..<colon]))")
    }
    let list = value[(colon + 1)...]
    return list.elementsEqual("*".utf8) ? .all : try PortsValue.set(list)
  }
}
