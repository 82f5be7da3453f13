/// A question about a destination, as people paste it: `HOST`, `HOST:PORT`, `[IPV6]:PORT`, each with `/tcp`, `/udp` or
/// `/icmp`; a URL; `USER@HOST:PATH`. PORT is a number or the name of a usual service.
public struct DestinationQuery: Hashable, Sendable {
  /// Why a text is no question.
  public struct Malformed: Error, Hashable, Sendable {
    /// What is wrong.
    public let problem: String
    /// What to write.
    public let hint: String
  }

  /// An address or a name.
  public let host: String
  /// The port; nil for every service.
  public let port: UInt16?
  /// The protocol; nil for every one.
  public let transport: TransportProtocol?

  /// The destination that a text names.
  public init(_ text: String) throws(Malformed) {
    if text.isEmpty { throw Malformed(problem: "there is no destination", hint: Self.forms) }
    if text.contains(where: \.isWhitespace) {
      throw Malformed(problem: "it contains a blank", hint: "ask about one destination at a time")
    }
    if let url = URL(text) {
      transport = .tcp
      (host, port) = try Self.hostAndPort(url.authority, default: try url.port)
      return
    }
    if let at = text.firstIndex(of: "@") {
      // As git and scp write it; what follows the colon is a path.
      transport = .tcp
      (host, port) = try Self.hostAndPort(text[text.index(after: at)...].prefix { $0 != ":" }, default: 22)
      return
    }
    let rest: Substring
    (rest, transport) = try Self.protocolTaken(from: text)
    (host, port) = try Self.hostAndPort(rest, default: nil)
    if transport == .icmp, port != nil {
      throw Malformed(problem: "ICMP has no ports", hint: "write \(host)/icmp")
    }
  }

  private static let forms = "write HOST, HOST:PORT or [IPv6]:PORT, with /tcp or /udp if only one is meant"

  private static func protocolTaken(
    from text: String
  ) throws(Malformed) -> (Substring, TransportProtocol?) {
    guard let slash = text.firstIndex(of: "/") else { return (text[...], nil) }
    let rest = text[..<slash]
    let name = text[text.index(after: slash)...]
    switch name {
    case "tcp": return (rest, .tcp)
    case "udp": return (rest, .udp)
    case "icmp": return (rest, .icmp)
    default: break
    }
    if !name.isEmpty, name.allSatisfy(\.isNumber), IPAddress(rest) != nil {
      throw Malformed(
        problem: "it is a prefix, not an address",
        hint: "ask about one address; claude-sandbox run --dry-run lists every rule")
    }
    if ["tcp", "udp", "icmp"].contains(name.lowercased()) {
      throw Malformed(problem: "the protocol is not in lower case", hint: "write /\(name.lowercased())")
    }
    throw Malformed(
      problem: "\"\(name)\" is not a protocol",
      hint: "write /tcp, /udp or /icmp; for a repository USER@HOST:PATH, for a page the whole URL")
  }

  private static func hostAndPort(
    _ text: Substring, default port: UInt16?
  ) throws(Malformed) -> (String, UInt16?) {
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else {
        throw Malformed(problem: "\"[\" without \"]\"", hint: "write [IPv6]:PORT")
      }
      let host = text[text.index(after: text.startIndex)..<end]
      guard host.contains(":") else {
        throw Malformed(problem: "brackets are for IPv6", hint: "write HOST:PORT")
      }
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.first == ":" else {
        throw Malformed(problem: "after \"]\" only :PORT can follow", hint: "write [\(host)]:PORT")
      }
      return (try address(host), rest.isEmpty ? port : try number(rest.dropFirst()))
    }
    guard let colon = text.firstIndex(of: ":") else { return (try named(text), port) }
    if text[text.index(after: colon)...].contains(":") {
      if let (address, port) = IPAddress.mistakablePort(Array(text.utf8)[...]) {
        throw Malformed(
          problem: "it is an IPv6 address, not an address and a port",
          hint: "write [\(address)]:\(port) for the port, or [\(text)] for the address")
      }
      return (try address(text), port)
    }
    return (try named(text[..<colon]), try number(text[text.index(after: colon)...]))
  }

  private static func number(_ text: Substring) throws(Malformed) -> UInt16 {
    if let number = decimal(Array(text.utf8)[...], maximum: 65535), number > 0 { return UInt16(number) }
    if let number = WellKnownPort.number(text) { return number }
    throw Malformed(
      problem: text.isEmpty ? "a port is missing" : "\"\(text)\" is not a port",
      hint: "a port is a number from 1 to 65535, or a service such as http or ssh")
  }

  private static func named(_ text: Substring) throws(Malformed) -> String {
    guard let last = text.split(separator: ".").last else {
      throw Malformed(problem: "there is no host", hint: forms)
    }
    if text.contains("*") {
      throw Malformed(problem: "\(text) is a pattern", hint: "ask about one host, as in www.example.org")
    }
    // The C library reads 10.1, 0x0a000001 and 012.0.0.1 as addresses; the configuration does not.
    if last.first?.isNumber == true, last.allSatisfy(\.isHexDigit) || last.hasPrefix("0x") {
      return try address(text)
    }
    guard text.utf8.allSatisfy({ $0 > 0x7f || $0.isHostCharacter }) else {
      throw Malformed(problem: "\(text) is neither an address nor a name", hint: forms)
    }
    return String(text)
  }

  private static func address(_ text: Substring) throws(Malformed) -> String {
    do throws(AddressError) {
      _ = try IPAddress.parse(text)
    } catch {
      let separator = error == .malformed ? " " : ": "
      throw Malformed(
        problem: "\(text)\(separator)\(error.problem)",
        hint: error.remedy ?? "an address is four decimal numbers, as in 172.23.1.3, or IPv6")
    }
    return String(text)
  }
}

/// The parts of a URL that say where it leads.
private struct URL {
  let scheme: Substring
  /// Host and port.
  let authority: Substring

  /// Nil for a text that is no URL.
  init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
    scheme = text[..<colon]
    let rest = text[colon...].dropFirst(3).prefix { !"/?#".contains($0) }
    authority = rest.lastIndex(of: "@").map { rest[rest.index(after: $0)...] } ?? rest
  }

  var port: UInt16? {
    get throws(DestinationQuery.Malformed) {
      if let port = WellKnownPort.number(scheme) { return port }
      // "HOST:PORT" in it says more than the scheme.
      if authority.last != "]", authority.contains(":") { return nil }
      throw DestinationQuery.Malformed(
        problem: "the default port of \(scheme):// is not known", hint: "write HOST:PORT")
    }
  }
}

extension UInt8 {
  fileprivate var isHostCharacter: Bool {
    isDigit || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20) || self == UInt8(ascii: "-")
      || self == UInt8(ascii: ".") || self == UInt8(ascii: "_")
  }
}
