import Inspection
import Policy
import Record

// What was refused about a name, in the record's words.

extension NamedRefusal {
  /// A question. `name` is hostile.
  init(question name: String, _ names: NamePlan?) {
    guard let names, let domain = DomainName(name), case .blocked(let rule) = names.policy.standing(domain)
    else {
      self.init(name, .notListed)
      return
    }
    self.init(name, .blocked, rule: RecordLine.Rule(rule))
  }

  /// A connection.
  init(_ connection: RefusedConnection, _ names: NamePlan?) {
    let name = connection.name.text
    let port = connection.port
    switch connection.reason {
    case .notAllowed(let rule?): self.init(name, port: port, .blocked, rule: RecordLine.Rule(rule))
    case .notAllowed(nil):
      let isOpen = if case .allowed = names?.policy.standing(connection.name) { true } else { false }
      self.init(name, port: port, isOpen ? .port : .notListed)
    case .closedAddress(let address, let rule):
      self.init(
        name, port: port, .address, destination: address,
        rule: RecordLine.Rule(Decision(allowed: false, rule: rule)))
    case .tooManyConnections: self.init(name, port: port, .connections)
    case .tooManyPorts: self.init(name, port: port, .ports)
    case .failure: self.init(name, port: port, .failure)
    case .spoken(let refusal, let spoken):
      self.init(name, port: port, Reason(refusal), spoken: spoken.isEmpty ? nil : spoken)
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

extension RecordLine.Rule {
  /// A rule about names.
  fileprivate init(_ rule: DomainRule) {
    self.init(prefix: "\(rule.pattern)", origin: rule.origin)
  }
}
