import Policy
import Record

extension NamedRefusal {
  /// A question for a name that the jail does not get.
  init(question name: String, by plan: NamePlan?) {
    if let known = DomainName(name), case .blocked(let rule) = plan?.policy.standing(known) {
      self.init(name, .blocked, rule: RecordLine.Rule(rule))
    } else {
      self.init(name, .notListed)
    }
  }

  /// A connection to a name.
  init(_ connection: RefusedConnection, by plan: NamePlan?) {
    let (name, port) = (connection.name.text, connection.port)
    switch connection.reason {
    case .notAllowed(.some(let rule)): self.init(name, port: port, .blocked, rule: RecordLine.Rule(rule))
    case .notAllowed(nil):
      // A name without an open port was open when the jail asked for it.
      if case .allowed = plan?.policy.standing(connection.name) {
        self.init(name, port: port, .port)
      } else {
        self.init(name, port: port, .notListed)
      }
    case .closedAddress(let address, let rule):
      let decision = Decision(allowed: false, rule: rule)
      self.init(name, port: port, .address, destination: address, rule: RecordLine.Rule(decision))
    case .tooManyConnections: self.init(name, port: port, .connections)
    case .tooManyPorts: self.init(name, port: port, .ports)
    case .spoken(let refusal, let spoken):
      self.init(name, port: port, Reason(refusal), spoken: spoken.isEmpty ? nil : spoken)
    case .failure: self.init(name, port: port, .failure)
    }
  }
}

extension NamedRefusal.Reason {
  fileprivate init(_ refusal: SpokenRefusal) {
    self =
      switch refusal {
      case .otherServerName: .serverName
      case .noServerName: .noServerName
      case .otherHost: .host
      case .ambiguous: .ambiguous
      case .tunnel: .tunnel
      case .notHTTP: .notHTTP
      case .incomplete: .incomplete
      }
  }
}
