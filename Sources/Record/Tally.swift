import Policy

/// What one program was refused at one destination, all in all.
public struct Tally: Hashable, Sendable {
  /// What was attempted.
  public let attempt: Attempt
  /// The program's name, if it is known (hostile).
  public let program: String?
  /// The name that the jail had the address from (hostile).
  public let name: String?
  /// The rule that refused it.
  public let rule: RecordLine.Rule
  /// How often.
  public var count: Int

  /// A number of attempts.
  public init(_ attempt: Attempt, program: String?, name: String?, rule: RecordLine.Rule, count: Int) {
    self.attempt = attempt
    self.program = program
    self.name = name
    self.rule = rule
    self.count = count
  }

  /// The line that opens an internal destination by the name that the jail had it from, if it was one.
  fileprivate var lineByName: String? {
    guard attempt.protocolNumber == 6, let port = attempt.port, let name = name.flatMap({ DomainName($0) }),
      name.text.contains(".")
    else { return nil }
    return "allow-internal-domain = \(name):\(port)"
  }

  /// `psql, db.example.org, 3 times`.
  fileprivate var who: String {
    let times = count == 1 ? "once" : "\(count) times"
    return ([program, name].compactMap { $0?.visible() } + [times]).joined(separator: ", ")
  }
}

/// What one program was refused of one name, all in all.
public struct NamedTally: Hashable, Sendable {
  /// What was refused.
  public let refusal: NamedRefusal
  /// The program's name, if it is known (hostile).
  public let program: String?
  /// How often.
  public var count: Int

  /// A number of refusals.
  public init(_ refusal: NamedRefusal, program: String?, count: Int) {
    self.refusal = refusal
    self.program = program
    self.count = count
  }

  /// `git, 3 times`.
  fileprivate var who: String {
    ([program].compactMap { $0?.visible() } + [count == 1 ? "once" : "\(count) times"]).joined(
      separator: ", ")
  }
}

/// What some launches were refused and asked for, all in all.
public struct Summary: Sendable {
  /// In the order of the destinations.
  public let tallies: [Tally]
  /// In the order of the names.
  public let namedTallies: [NamedTally]
  /// How many different names were asked for.
  public let names: Int
  /// Attempts that nobody told apart, because there were too many.
  public let others: Int

  /// A summary of what was counted.
  public init(
    _ tallies: some Collection<Tally>, named: some Collection<NamedTally> = [], names: Int, others: Int
  ) {
    namedTallies = named.sorted {
      (
        $0.refusal.name, $0.refusal.port ?? 0, $0.refusal.reason.rawValue, $0.refusal.spoken ?? "",
        $0.program ?? ""
      )
        < (
          $1.refusal.name, $1.refusal.port ?? 0, $1.refusal.reason.rawValue, $1.refusal.spoken ?? "",
          $1.program ?? ""
        )
    }
    self.tallies = tallies.sorted {
      ($0.attempt.destination, $0.attempt.protocolNumber, $0.attempt.port ?? 0, $0.program ?? "")
        < ($1.attempt.destination, $1.attempt.protocolNumber, $1.attempt.port ?? 0, $1.program ?? "")
    }
    self.names = names
    self.others = others
  }

  /// A summary of lines of the record.
  public init(_ lines: some Sequence<RecordLine>) {
    var tallies: [Key: Tally] = [:]
    var named: [NamedKey: NamedTally] = [:]
    var names: Set<String> = []
    var others = 0
    for line in lines {
      switch line.event {
      case .refused:
        guard let attempt = Attempt(line), let rule = line.rule else { continue }
        let key = Key(attempt: attempt, program: line.process?.name)
        let count = max(1, line.count ?? 1)
        if let known = tallies[key]?.count {
          tallies[key]?.count = known.addingReportingOverflow(count).partialValue
        } else {
          tallies[key] = Tally(attempt, program: key.program, name: line.name, rule: rule, count: count)
        }
      case .nameRefused:
        guard let refusal = NamedRefusal(line) else { continue }
        let key = NamedKey(refusal: refusal, program: line.process?.name)
        let known = named[key]?.count ?? 0
        named[key] = NamedTally(
          refusal, program: key.program,
          count: known.addingReportingOverflow(max(1, line.count ?? 1)).partialValue)
      case .names: names.formUnion((line.names ?? []).map(\.name))
      case .suppressed: others = others.addingReportingOverflow(line.count ?? 0).partialValue
      default: break
      }
    }
    self.init(tallies.values, named: named.values, names: names.count, others: others)
  }

  private struct NamedKey: Hashable {
    let refusal: NamedRefusal
    let program: String?
  }

  private struct Key: Hashable {
    let attempt: Attempt
    let program: String?
  }

  private static let most = 10

  /// One sentence: `4 names asked, 2 destinations refused: 10.1.2.3:443/tcp (psql, 3 times), ...`.
  public var sentence: String {
    let destinations = Set(tallies.map(\.attempt)).count
    let refusedNames = Set(namedTallies.map(\.refusal.name)).count
    let asked = "\(names) name\(names == 1 ? "" : "s") asked"
    let refused =
      (refusedNames > 0 ? "\(refusedNames) name\(refusedNames == 1 ? "" : "s") and " : "")
      + "\(destinations) destination\(destinations == 1 ? "" : "s") refused"
    let all =
      namedTallies.map { "\($0.refusal.subject) (\($0.who))" } + tallies.map { "\($0.attempt) (\($0.who))" }
    var parts = Array(all.prefix(Self.most))
    if all.count > Self.most { parts.append("\(all.count - Self.most) more") }
    let more = others > 0 ? ", and \(others) more attempts" : ""
    return "\(asked), \(refused)\(parts.isEmpty ? "" : ": ")\(parts.joined(separator: ", "))\(more)"
  }

  /// The lines of the configuration that would have allowed it, names first, then the narrowest; what nobody should allow is a comment.
  /// Of what a program or a name server chose, only names of hosts are in it but for comments, escaped.
  public var configuration: String {
    var lines: [(rank: Int, text: String)] = namedLines
    for tally in tallies {
      switch tally.rule.remedy(for: tally.attempt) {
      case .line(let line):
        lines.append((0, "\(line)  # \(tally.who)"))
        if let other = tally.lineByName {
          lines.append((1, "# \(other)  # the same by name, wherever it leads inside"))
        }
      case .widerLine(let line, let what): lines.append((1, "# \(line)  # opens \(what); \(tally.who)"))
      case .warning(let reason): lines.append((2, "# not \(tally.attempt) (\(tally.who)): \(reason)"))
      }
    }
    let more = others > 0 ? ["# and \(others) more attempts, which were too many to be told apart"] : []
    let sorted = (0...2).flatMap { rank in lines.filter { $0.rank == rank }.map(\.text) } + more
    return sorted.isEmpty ? "# nothing was refused" : sorted.joined(separator: "\n")
  }

  /// The same of names: one line for each that would help, whoever it was for.
  private var namedLines: [(rank: Int, text: String)] {
    let asked = Set(namedTallies.filter { $0.refusal.port == nil }.map(\.refusal.name))
    var told: Set<String> = []
    return namedTallies.map { Self.line($0, asked: asked) }.filter { told.insert($0.key).inserted }.map {
      ($0.rank, $0.text)
    }
  }

  private static func line(
    _ tally: NamedTally, asked: Set<String>
  ) -> (key: String, rank: Int, text: String) {
    let refusal = tally.refusal
    if let shorter = withoutSearchDomain(refusal, among: asked) {
      let text = "# not \(refusal.subject) (\(tally.who)): perhaps \(shorter.visible()) with a search domain"
      return (text, 2, text)
    }
    switch refusal.remedy {
    case .line(let line): return (line, 0, "\(line)  # \(tally.who)")
    case .widerLine(let line, let what): return (line, 1, "# \(line)  # opens \(what); \(tally.who)")
    case .warning(let reason):
      let text = "# not \(refusal.subject) (\(tally.who)): \(refusal.because); \(reason)"
      return (text, 2, text)
    }
  }

  /// A name that a resolver may have lengthened by a domain of resolv.conf(5), because the name itself was refused.
  private static func withoutSearchDomain(_ refusal: NamedRefusal, among asked: Set<String>) -> String? {
    guard refusal.port == nil, refusal.reason == .notListed else { return nil }
    return asked.first { $0.contains(".") && refusal.name.hasPrefix("\($0).") }
  }
}
