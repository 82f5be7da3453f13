import Policy

/// What a jail does with a destination that was asked about.
struct Explanation {
  /// What it is about in the record.
  enum Subject {
    case addresses(Set<IPAddress>)
    case name(DomainName)
  }

  let rows: [ExplainedRow]
  let verdict: Reachability
  /// Why nothing is known.
  let problem: String?
  let subject: Subject
}

extension Explanation {
  /// Of the jail's own loopback.
  init(loopback query: DestinationQuery, _ configuration: Configuration) {
    let answers = query.loopbackAnswers(configuration)
    rows = answers.map { ExplainedRow(query.host, $0) }
    let open = answers.count(where: \.isOfHost)
    verdict = open == answers.count ? .reachable : open == 0 ? .blocked : .partial
    problem = nil
    subject = .addresses(Set(IPAddress(query.host).map { [$0] } ?? []))
  }

  /// Of a name that the rules about names decide; nil for one that is looked up as on the host. Nobody is asked for a name that does not
  /// exist in the jail. Without `addresses` it is not known where it leads: in a jail only its rule is.
  init?(
    _ name: DomainName, _ query: DestinationQuery, _ names: NamePlan,
    addresses: ((String) -> ([IPAddress], problem: String?))?
  ) {
    subject = .name(name)
    switch names.answer(name) {
    case .asOnHost: return nil
    case .doesNotExist(let rule):
      let because =
        rule.map { "\($0.origin): it does not exist in the jail" }
        ?? "no line opens it: it does not exist in the jail"
      rows = [ExplainedRow(name.text, rule, because: because)]
      (verdict, problem) = (.blocked, nil)
    case .hasNoAddress:
      rows = [ExplainedRow(name.text, nil, because: "a name below it is open; it has no address itself")]
      (verdict, problem) = (.blocked, nil)
    case .served(let parts):
      let asked = parts.filter { part in query.port.map(part.ports.contains) ?? true }
      let isOpen = query.transport ?? .tcp == .tcp && asked.contains(where: \.isAllowed)
      let found = isOpen ? addresses?(name.text) : nil
      rows = Self.rows(name, query, asked, found?.0, names)
      problem = found?.problem
      let open = rows.count(where: \.reachable)
      verdict =
        found?.0.isEmpty == true
        ? .unknown : open == rows.count ? .reachable : open == 0 ? .blocked : .partial
    }
  }

  private static func rows(
    _ name: DomainName, _ query: DestinationQuery, _ parts: [NameReach], _ addresses: [IPAddress]?,
    _ names: NamePlan
  ) -> [ExplainedRow] {
    var rows: [ExplainedRow] = []
    if query.transport ?? .tcp == .tcp {
      rows = parts.flatMap { part in
        let ports =
          query.port.map { "\($0)" } ?? (part.ports == 0...UInt16.max ? "*" : "\(PortSet([part.ports]))")
        let destination = "\(name):\(ports)/tcp"
        guard let rule = part.rule, part.isAllowed else {
          let because = part.rule.map { "\($0.origin)" } ?? "no line opens this port of the name"
          return [ExplainedRow(destination, part.rule, because: because)]
        }
        guard let addresses else { return [ExplainedRow(destination, rule)] }
        let port = query.port ?? part.ports.lowerBound
        return addresses.map { ExplainedRow(destination, rule, $0, names.decide($0, port: port, for: rule)) }
      }
    }
    // A name alone means every service, and a port of it TCP.
    if query.transport == nil ? query.port == nil : query.transport != .tcp {
      let services = query.transport == .icmp ? "/icmp" : query.port.map { ":\($0)/udp" } ?? "/udp"
      rows.append(ExplainedRow("\(name)\(services)", nil, because: "a name is reached over TCP only"))
    }
    return rows
  }
}

/// A line of an answer.
struct ExplainedRow: Encodable {
  let destination: String
  let reachable: Bool
  /// The rule about an address; nil where there is none to decide about.
  let rule: RuleReport?
  /// The rule about the name.
  let nameRule: DomainReport?
  /// One that the name leads to now.
  let address: String?
  /// The line about a port of the jail's loopback.
  private(set) var port: PortReport?
  let because: String

  /// A port of the jail's loopback, or all else of it.
  init(_ host: String, _ answer: LoopbackAnswer) {
    destination = (host.contains(":") && answer.service.first == ":" ? "[\(host)]" : host) + answer.service
    (reachable, because) = (answer.isOfHost, answer.because)
    (rule, nameRule, address) = (nil, nil, nil)
    port = answer.line.map(PortReport.init)
  }

  /// An address.
  init(_ address: IPAddress, _ part: Answer) {
    let host = address.family == .ipv6 && part.service.first == ":" ? "[\(address)]" : "\(address)"
    destination = host + part.service
    reachable = part.decision.allowed
    rule = RuleReport(part.decision.rule)
    (nameRule, self.address) = (nil, nil)
    because = "\(part.decision.rule.origin)"
  }

  /// What is closed of a name.
  init(_ destination: String, _ rule: DomainRule?, because: String) {
    (self.destination, reachable, self.rule, address, self.because) = (destination, false, nil, nil, because)
    nameRule = rule.map(DomainReport.init)
  }

  /// What is open of a name, wherever it leads.
  init(_ destination: String, _ rule: DomainRule) {
    (self.destination, reachable, self.rule, address) = (destination, true, nil, nil)
    (nameRule, because) = (DomainReport(rule), "\(rule.origin); where it leads its host can tell")
  }

  /// What is open of a name, if the address is.
  init(_ destination: String, _ rule: DomainRule, _ address: IPAddress, _ decision: Decision) {
    (self.destination, reachable, self.address) = (destination, decision.allowed, "\(address)")
    (nameRule, self.rule) = (DomainReport(rule), RuleReport(decision.rule))
    because =
      decision.allowed
      ? "\(rule.origin)" : "\(rule.origin), but this address is closed: \(decision.rule.origin)"
  }

  /// What the rule is about, for people.
  var about: String { address ?? nameRule?.pattern ?? rule?.prefix ?? port?.value ?? "-" }

  private enum CodingKeys: CodingKey { case destination, reachable, rule, nameRule, address, port, because }
}
