public import Policy

/// A refusal that is about a name: of a question to the jail's name service, of a connection, or of what was spoken over one.
public struct NamedRefusal: Hashable, Sendable {
  /// The name. Of a question, it is hostile: whatever text the labels make.
  public let name: String
  /// The port of a connection; nil for a question.
  public let port: UInt16?
  public let reason: Reason
  /// address: one that the name leads to.
  public let destination: IPAddress?
  /// The name that was spoken in its place (hostile).
  public let spoken: String?
  /// The rule that closes the name, or the address.
  public let rule: RecordLine.Rule?

  /// Why. A word for programs, so it stays as it is.
  public enum Reason: String, Sendable, CaseIterable, Decodable {
    /// No line opens the name.
    case notListed = "not-listed"
    /// A line closes it.
    case blocked
    /// The name is open, at other ports.
    case port
    /// All addresses that it leads to are closed.
    case address
    /// As many connections are open as can be.
    case connections
    /// As many ports are in use as can be.
    case ports
    /// The gateway could not do its part.
    case failure
    /// TLS for another name, or for an address.
    case serverName = "server-name"
    /// TLS without a name, on port 443.
    case noServerName = "no-server-name"
    /// HTTP for another host.
    case host
    /// HTTP that two readers might read in two ways.
    case ambiguous
    /// CONNECT, or an upgrade that would lead elsewhere.
    case tunnel
    /// Neither HTTP/1 nor TLS, on port 80.
    case notHTTP = "not-http"
    /// The beginning of what was spoken is too long, or took too long.
    case incomplete
  }

  /// Longer texts are cut: an ordinary name has 255 bytes at most.
  private static let longest = 255

  public init(
    _ name: String, port: UInt16? = nil, _ reason: Reason, destination: IPAddress? = nil,
    spoken: String? = nil,
    rule: RecordLine.Rule? = nil
  ) {
    self.name = Self.cut(name)
    self.port = port
    self.reason = reason
    self.destination = destination
    self.spoken = spoken.map(Self.cut)
    self.rule = rule
  }

  /// As a line tells it; nil if it is not one about a name.
  public init?(_ line: RecordLine) {
    guard line.event == .nameRefused, let name = line.name, let reason = line.reason else { return nil }
    self.init(
      name, port: line.port, reason, destination: line.destination.flatMap { IPAddress($0) },
      spoken: line.spoken,
      rule: line.rule)
  }

  private static func cut(_ name: String) -> String {
    name.utf8.count <= longest ? name : "..." + name.suffix(longest)
  }

  /// What it is about: `github.com:22`, `github.com`. Escaped.
  public var subject: String { name.visible(limit: 260) + (port.map { ":\($0)" } ?? "") }

  /// Why, as a phrase. Escaped.
  public var because: String {
    let place = rule.flatMap { rule in rule.file.map { "\($0.visible()):\(rule.line ?? 0): " } } ?? ""
    switch reason {
    case .notListed: return "no line opens this name"
    case .blocked: return "\(place)a line closes this name"
    case .port: return "the name is open, but not at this port"
    case .address:
      let why = rule.map { ": \($0.because.visible())" } ?? ""
      return "the name leads to \(destination.map { "\($0)" } ?? "closed addresses")\(why)"
    case .connections: return "as many connections to names are open as can be"
    case .ports: return "as many ports of names are in use as can be"
    case .failure: return "the connection could not be passed on"
    case .serverName: return "TLS was spoken for \(shownSpoken)"
    case .noServerName: return "TLS was spoken without a name"
    case .host: return "HTTP was spoken for \(shownSpoken)"
    case .ambiguous: return "HTTP was spoken that can be read in two ways"
    case .tunnel: return "HTTP was spoken that leads elsewhere (CONNECT, or an upgrade)"
    case .notHTTP: return "neither HTTP/1 nor TLS was spoken"
    case .incomplete: return "what was spoken did not say for whom, in time or at all"
    }
  }

  private var shownSpoken: String {
    spoken.map { $0.isEmpty ? "no name" : $0.visible(limit: 260) } ?? "another name"
  }
}

extension NamedRefusal {
  /// What to write so that it is allowed, or why nobody should. Of what the jail said, only a name that the configuration takes gets
  /// into a line.
  public var remedy: Remedy {
    guard let name = DomainName(name), name.text.contains(".") else {
      return .warning("no line can open it: this is not the whole name of a host")
    }
    switch reason {
    case .notListed: return .line("allow-domain = =\(name)" + (port.map { ":\($0)" } ?? ""))
    case .port: return .line("allow-domain = =\(name):\(port ?? 443)")
    case .blocked:
      let place = rule.flatMap { rule in rule.file.map { "\($0.visible()):\(rule.line ?? 0)" } }
      return .warning("\(place ?? "a line of the configuration") closes it: change that line")
    case .address: return inward(name)
    case .connections, .ports: return .warning("close some, or start a second jail")
    case .failure: return .warning("claude-sandbox: see what it said on standard error")
    case .serverName, .host: return .warning("whoever is meant has to be connected to by that name")
    case .noServerName: return .warning("on port 443 a client has to name the server (SNI)")
    case .ambiguous, .tunnel, .notHTTP, .incomplete: return .warning("it cannot be told for whom it is")
    }
  }

  /// A name that leads inside: unless nobody should open the address.
  private func inward(_ name: DomainName) -> Remedy {
    guard let destination, let port else { return .warning("all that it leads to is closed") }
    let kind = rule.flatMap { Origin.Kind(rawValue: $0.kind) } ?? .builtin
    if case .warning(let reason) = Remedy(destination, .port(port, .tcp), kind) { return .warning(reason) }
    return .widerLine(
      "allow-internal-domain = \(name):\(port)", "whatever internal address it leads to, now or later")
  }
}

extension RecordLine {
  /// A line about so many refusals of the same.
  public static func refused(
    _ refusal: NamedRefusal, by sender: RefusedPacket.Sender, count: Int, time: Timestamp, jail: Int32
  ) -> RecordLine {
    var line = RecordLine(.nameRefused, time: time, jail: jail)
    line.name = refusal.name
    line.port = refusal.port
    line.reason = refusal.reason
    line.destination = refusal.destination.map { "\($0)" }
    line.spoken = refusal.spoken
    line.rule = refusal.rule
    line.process = Sender(sender)
    line.count = count
    return line
  }
}
