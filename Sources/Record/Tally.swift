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

  /// `psql, db.example.org, 3 times`.
  fileprivate var who: String {
    let times = count == 1 ? "once" : "\(count) times"
    return ([program, name].compactMap { $0?.visible() } + [times]).joined(separator: ", ")
  }
}

/// What some launches were refused and asked for, all in all.
public struct Summary: Sendable {
  /// In the order of the destinations.
  public let tallies: [Tally]
  /// How many different names were asked for.
  public let names: Int
  /// Attempts that nobody told apart, because there were too many.
  public let others: Int

  /// A summary of what was counted.
  public init(_ tallies: some Collection<Tally>, names: Int, others: Int) {
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
      case .names: names.formUnion((line.names ?? []).map(\.name))
      case .suppressed: others = others.addingReportingOverflow(line.count ?? 0).partialValue
      default: break
      }
    }
    self.init(tallies.values, names: names.count, others: others)
  }

  private struct Key: Hashable {
    let attempt: Attempt
    let program: String?
  }

  private static let most = 10

  /// One sentence: `4 names asked, 2 destinations refused: 10.1.2.3:443/tcp (psql, 3 times), ...`.
  public var sentence: String {
    let destinations = Set(tallies.map(\.attempt)).count
    let asked = "\(names) name\(names == 1 ? "" : "s") asked"
    let refused = "\(destinations) destination\(destinations == 1 ? "" : "s") refused"
    var parts = tallies.prefix(Self.most).map { "\($0.attempt) (\($0.who))" }
    if tallies.count > Self.most { parts.append("\(tallies.count - Self.most) more") }
    let more = others > 0 ? ", and \(others) more attempts" : ""
    return "\(asked), \(refused)\(parts.isEmpty ? "" : ": ")\(parts.joined(separator: ", "))\(more)"
  }

  /// The lines of the configuration that would have allowed it, narrowest first; what nobody should allow is a comment. Nothing that
  /// a program or a name server chose is in it but for comments, escaped.
  public var configuration: String {
    var lines: [(rank: Int, text: String)] = []
    for tally in tallies {
      switch tally.rule.remedy(for: tally.attempt) {
      case .line(let line): lines.append((0, "\(line)  # \(tally.who)"))
      case .widerLine(let line, let what): lines.append((1, "# \(line)  # opens \(what); \(tally.who)"))
      case .warning(let reason): lines.append((2, "# not \(tally.attempt) (\(tally.who)): \(reason)"))
      }
    }
    let more = others > 0 ? ["# and \(others) more attempts, which were too many to be told apart"] : []
    let sorted = (0...2).flatMap { rank in lines.filter { $0.rank == rank }.map(\.text) } + more
    return sorted.isEmpty ? "# nothing was refused" : sorted.joined(separator: "\n")
  }
}
