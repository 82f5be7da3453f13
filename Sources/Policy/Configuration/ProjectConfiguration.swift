extension NetworkMode {
  /// Whether this gives more than the other.
  public func isWider(than other: NetworkMode) -> Bool { rank > other.rank }

  private var rank: Int {
    switch self {
    case .none: 0
    case .restricted: 1
    case .internet: 2
    }
  }
}

extension Configuration {
  /// This configuration with what a project's file says.
  ///
  /// A file that may widen adds all it says, and its mode holds. Another one can only close: a narrower mode, and rules that block. With
  /// them it may list the names that are left, by `allow-domain` and `preset`, where its own `network = restricted` is what closes all
  /// others: a name leads to public addresses over TCP only, and these were open before. So `internet` with such a file reaches
  /// nothing that it did not reach without. Where the mode was `restricted` already, a name more is one more; and addresses are not
  /// taken: whether one is internal only the host's facts can tell, and a configured exception overrules them. Its names yield to every
  /// line that blocks (`NamePolicy`), since where all else was open these closed.
  ///
  /// What would widen is an error. With `leavingOutRest` it is left out: a running jail has to follow its administrator, whose files
  /// may have become narrower than a project expected.
  public func tightened(
    by file: (name: String, text: [UInt8]), mayWiden: Bool, leavingOutRest: Bool = false
  ) throws(ConfigurationError) -> Configuration {
    let keys: Set<String> = [
      "network", "block-ip", "block-net", "block-domain", "allow-ip", "allow-net", "allow-domain", "preset",
      "allow-host-port", "publish",
    ]
    var project = try ConfigurationParser.parse(file, only: keys, reading: "a project's file")
    var result = self
    let refusals = mayWiden ? result.addPorts(of: project) : takeWhatWidens(from: &project)
    guard refusals.isEmpty || leavingOutRest else {
      throw ConfigurationError(
        diagnostics: refusals.sorted { $0.line < $1.line }.map { $0.diagnostic(file.text) })
    }
    if project.network.location != nil { result.network = project.network }
    result.rules += project.rules
    result.domains += project.domains
    result.presets += project.presets
    if !mayWiden { result.yieldingFile = file.name }
    return result
  }

  /// Adds the ports of a project's configuration. What cannot stand beside those that are there is left out.
  private mutating func addPorts(of project: Configuration) -> [Refusal] {
    var refusals: [Refusal] = []
    for line in project.portLines {
      do { try add(line) } catch {
        if let place = line.location { refusals.append(Refusal(place, error.message, error.hint)) }
      }
    }
    return refusals
  }

  /// Takes from a project's configuration what would open anything in this one.
  private func takeWhatWidens(from project: inout Configuration) -> [Refusal] {
    var refusals: [Refusal] = []
    let untrusted =
      "only a project below a trust-project directory of /etc/claude-sandbox.conf may open something"
    func given() -> String {
      "network = \(network.value.rawValue)\(network.location.map { " (\($0))" } ?? "")"
    }
    if let place = project.network.location, project.network.value.isWider(than: network.value) {
      refusals.append(
        Refusal(place, "network = \(project.network.value.rawValue) is more than \(given()) gives", untrusted)
      )
      project.network = Sourced(network.value)
    }
    for line in project.portLines {
      guard let place = line.location else { continue }
      refusals.append(Refusal(place, "\(line.value.key) would open what a project cannot open", untrusted))
    }
    project.rules.removeAll { rule in
      guard rule.action == .allow, case .configuration(let place, let key) = rule.origin else { return false }
      refusals.append(Refusal(place, "\(key) would open what a project cannot open", untrusted))
      return true
    }
    guard !(project.network.location != nil && network.value.isWider(than: project.network.value)) else {
      return refusals
    }
    let reason: (String, hint: String) =
      network.value == .internet
      ? ("would list what is left", "write network = restricted in this file, too")
      : ("would open a name in \(given())", untrusted)
    project.domains.removeAll { rule in
      guard rule.action == .allow, case .configuration(let place, let key) = rule.origin else { return false }
      refusals.append(Refusal(place, "\(key) \(reason.0)", reason.hint))
      return true
    }
    for place in Set(project.presets.compactMap(\.location)) {
      refusals.append(Refusal(place, "preset \(reason.0)", reason.hint))
    }
    project.presets = []
    return refusals
  }
}

/// A line of a project's file that would widen.
private struct Refusal {
  let place: SourceLocation
  let message: String
  let hint: String

  init(_ place: SourceLocation, _ message: String, _ hint: String) {
    (self.place, self.message, self.hint) = (place, message, hint)
  }

  var line: Int { place.line }

  func diagnostic(_ text: [UInt8]) -> Diagnostic {
    Diagnostic(
      location: place, message: message, text: ConfigurationLine(at: place, of: text).printed, hint: hint)
  }
}
