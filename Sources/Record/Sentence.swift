extension RecordLine {
  /// The line as a sentence for people. Whatever came from the jail is escaped.
  public var sentence: String {
    switch event {
    case .started:
      return
        "started: \(Self.joined(command ?? [])) in \((directory ?? "").visible()), network = \((network ?? "").visible())"
    case .refused: return refusal
    case .nameRefused: return nameRefusal
    case .names:
      let asked = (names ?? []).map {
        $0.count > 1 ? "\($0.name.visible()) (\($0.count))" : $0.name.visible()
      }
      return "asked for " + (asked + (others.map { ["\($0) more"] } ?? [])).joined(separator: ", ")
    case .configuration:
      let what = accepted == true ? "configuration followed" : "configuration not followed"
      return message.map { "\(what): \($0.visible(limit: 2000))" } ?? what
    case .port:
      let what = accepted == true ? "port" : "port of no use"
      return "\(what): \((message ?? "").visible(limit: 2000))"
    case .cut: return "the jail has no network any more: \((message ?? "").visible(limit: 2000))"
    case .suppressed: return "and \(count ?? 0) more that were refused"
    case .touched: return "somebody has changed the record of this launch"
    case .ended:
      let how =
        signal.map { " by signal \($0)" } ?? status.map { " with status \($0)" }
        ?? ", with launcher or supervisor"
      return "ended\(how): \(refused ?? 0) refused, \(asked ?? 0) queries for names"
    }
  }

  private var nameRefusal: String {
    guard let refusal = NamedRefusal(self) else { return "a name was refused" }
    let who = process == .unknown ? "" : " by \(sender)"
    return "refused: \(refusal.subject)\(who)\(times): \(refusal.because)"
  }

  private var times: String { (count ?? 1) > 1 ? ", \(count ?? 1) times" : "" }

  private var refusal: String {
    let what = Attempt(self).map { "\($0)" } ?? (destination ?? "").visible()
    let known = name.map { " (\($0.visible()))" } ?? ""
    return "refused: \(what)\(known) by \(sender)\(times): \((rule?.because ?? "").visible())"
  }

  /// Who sent it, and who started that: `psql (pid 123) < sh < make`. A few are enough for a row; all are in the record.
  var lineage: String {
    guard case .process(_, let parents) = process else { return sender }
    let nearest = parents.prefix(4).map { $0.name.visible() } + (parents.count > 4 ? ["..."] : [])
    return ([sender] + nearest).joined(separator: " < ")
  }

  /// Who sent it: `psql (pid 123)`.
  public var sender: String {
    switch process {
    case .process(let program, _): "\(program.name.visible()) (pid \(program.pid))"
    case .gone: "a process that has ended"
    case .unknown, nil: "a process that nobody looked for"
    }
  }

  private static func joined(_ words: [String]) -> String {
    String(words.map { $0.visible() }.joined(separator: " ").prefix(400))
  }
}
