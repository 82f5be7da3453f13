/// The value of `allow-ip`, `allow-net`, `block-ip`, `block-net`.
///
/// `ADDRESS`, `ADDRESS:PORTS`, `[IPV6]:PORTS` for the first form, and `PREFIX/LENGTH`, `PREFIX/LENGTH:PORTS`,
/// `[IPV6PREFIX/LENGTH]:PORTS` for the second. PORTS are numbers and ranges, separated by commas, with `/tcp`
/// or `/udp` behind the last; without a protocol both are meant. Without ports everything is: every port, and
/// echo.
struct RuleValue {
  let prefix: Prefix
  let services: Services

  init(_ value: ArraySlice<UInt8>, _ form: RuleForm) throws(LineError) {
    try Self.refuseURL(value, form)
    if let blank = value.firstIndex(where: { $0.isBlank || $0 == UInt8(ascii: ";") }) {
      throw LineError(
        blank, "\(form.key) takes one \(form.noun), without spaces",
        hint: "write a line for each, and ports as 80,443")
    }
    let parts = try Self.split(value)
    if let quote = value.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") {
      throw LineError(value.startIndex, "\(form.key) takes an \(form.noun) without quotes")
    }
    if !form.isPrefix, value.first != UInt8(ascii: "["),
      let (address, port) = IPAddress.mistakablePort(parts.place)
    {
      throw LineError(
        value.startIndex, "\(text(value)) is an IPv6 address, not an address and a port",
        hint: "write [\(address)]:\(port) for the port, or [\(text(value))] for the address")
    }
    prefix = form.isPrefix ? try Self.prefix(parts.place, form) : try Self.address(parts.place, form)
    if let reason = ImpossibleRule.reason(prefix, form.action) {
      throw LineError(parts.place.startIndex, reason.message, hint: reason.hint)
    }
    services = try parts.ports.map(PortsValue.parse) ?? .all
  }

  private static func refuseURL(_ value: ArraySlice<UInt8>, _ form: RuleForm) throws(LineError) {
    guard let url = PastedURL(value) else { return }
    let address = (try? IPAddress.parse(url.host)).map { "\($0)" } ?? "ADDRESS"
    let key = form.isPrefix ? form.sibling : form.key
    throw LineError(
      value.startIndex, "\(text(value)) is a URL", hint: "write \(key) = \(address):\(url.port ?? "PORT")")
  }

  // The address or prefix without its brackets, and the ports without their colon.
  private static func split(
    _ value: ArraySlice<UInt8>
  ) throws(LineError) -> (place: ArraySlice<UInt8>, ports: ArraySlice<UInt8>?) {
    if value.first == UInt8(ascii: "[") { return try splitBrackets(value) }
    guard let colon = value.firstIndex(of: UInt8(ascii: ":")) else { return (value, nil) }
    let rest = value[(colon + 1)...]
    // Two colons: IPv6, whose ports need brackets.
    if value[..<colon].contains(UInt8(ascii: ".")) || !rest.contains(UInt8(ascii: ":")) {
      return (value[..<colon], rest)
    }
    return (value, nil)
  }

  private static func splitBrackets(
    _ value: ArraySlice<UInt8>
  ) throws(LineError) -> (place: ArraySlice<UInt8>, ports: ArraySlice<UInt8>?) {
    guard let close = value.firstIndex(of: UInt8(ascii: "]")) else {
      throw LineError(value.startIndex, "\"[\" without \"]\"")
    }
    let place = value[(value.startIndex + 1)..<close]
    let rest = value[(close + 1)...]
    guard place.contains(UInt8(ascii: ":")) else {
      throw LineError(
        value.startIndex, "brackets are for IPv6", hint: "write \(text(place))\(text(rest))")
    }
    switch rest.first {
    case nil: return (place, nil)
    case UInt8(ascii: ":"): return (place, rest.dropFirst())
    case UInt8(ascii: "/"):
      let colon = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
      throw LineError(
        rest.startIndex, "the length goes inside the brackets",
        hint: "write [\(text(place))\(text(rest[..<colon]))]\(text(rest[colon...]))")
    default: throw LineError(rest.startIndex, "after \"]\" only :PORTS can follow")
    }
  }

  private static func address(_ place: ArraySlice<UInt8>, _ form: RuleForm) throws(LineError) -> Prefix {
    if let slash = place.firstIndex(of: UInt8(ascii: "/")) {
      if decimal(place[(slash + 1)...], maximum: 128) != nil {
        throw LineError(
          slash, "\(form.key) takes an address, not a prefix",
          hint: "write \(form.sibling) = \(text(place))")
      }
      if text(place[(slash + 1)...]).lowercased().hasPrefix("icmp") {
        throw LineError(
          slash, "ICMP cannot be given alone",
          hint: "write \(form.key) = \(text(place[..<slash])): a rule without ports includes echo (ping)")
      }
      throw LineError(slash, "a protocol needs ports before it", hint: "as in 172.23.1.3:53/udp")
    }
    do {
      return Prefix(try IPAddress.parse(place))
    } catch {
      throw explain(error, place, form)
    }
  }

  private static func prefix(_ place: ArraySlice<UInt8>, _ form: RuleForm) throws(LineError) -> Prefix {
    do {
      return try Prefix.parse(place)
    } catch {
      let slash = place.firstIndex(of: UInt8(ascii: "/")) ?? place.endIndex
      switch error {
      case .address(let reason): throw explain(reason, place[..<slash], form)
      case .missingLength:
        throw LineError(
          place.endIndex, "\(form.key) needs a prefix length",
          hint: "as in 10.0.0.0/24; for one address write \(form.sibling) = \(text(place))")
      case .invalidLength(let maximum):
        throw invalidLength(place[(slash + 1)...], maximum)
      case .hostBits(let prefix):
        throw LineError(
          place.startIndex, "\(text(place)) has bits set beyond its prefix length",
          hint: "did you mean \(prefix)?")
      }
    }
  }

  private static func invalidLength(_ length: ArraySlice<UInt8>, _ maximum: Int) -> LineError {
    if let colon = length.firstIndex(of: UInt8(ascii: ":")) {
      return LineError(
        colon, "a port after an IPv6 prefix needs brackets", hint: "as in [fd00::/64]:443")
    }
    return LineError(
      length.startIndex, "the prefix length must be a number from 0 to \(maximum)",
      hint: length.contains(UInt8(ascii: ".")) ? "write a length such as /24, not a mask" : nil)
  }

  private static func explain(
    _ error: AddressError, _ place: ArraySlice<UInt8>, _ form: RuleForm
  ) -> LineError {
    let quoted = text(place)
    switch error {
    case .leadingZero, .partTooLarge, .zone:
      return LineError(place.startIndex, "\(quoted): \(error.problem)", hint: error.remedy)
    case .malformed:
      if place.isEmpty { return LineError(place.startIndex, "there is no address") }
      if looksLikeIPv6WithPorts(place) {
        return LineError(
          place.startIndex, "\(quoted) is not an IPv6 address",
          hint: "a port after an IPv6 address needs brackets, as in [fd00::3]:443")
      }
      if looksLikeName(place) {
        return LineError(
          place.startIndex, "\(quoted) is a name; an IP address belongs here",
          hint: form.action == .block
            ? "write block-domain = \(quoted)"
            : "for a name write allow-domain = \(quoted), for an internal one allow-internal-domain = \(quoted):PORTS"
        )
      }
      return LineError(place.startIndex, "\(quoted) is not an IP address")
    }
  }

  private static func looksLikeName(_ place: ArraySlice<UInt8>) -> Bool {
    !place.contains(UInt8(ascii: ":")) && place.contains { $0.isLetter || $0 >= 0x80 }
      && place.allSatisfy {
        $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
          || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "*") || $0 >= 0x80
      }
  }

  // Something that would be one without what follows its last colon.
  private static func looksLikeIPv6WithPorts(_ place: ArraySlice<UInt8>) -> Bool {
    guard let colon = place.lastIndex(of: UInt8(ascii: ":")) else { return false }
    return (try? IPAddress.parse(place[..<colon]))?.family == .ipv6
  }
}

extension UInt8 {
  fileprivate var isLetter: Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) }
}
