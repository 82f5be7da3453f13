import Policy

/// A line of the record as `claude-sandbox log` shows it.
public struct LogText {
  /// Whether words are coloured, for a terminal.
  public let isColoured: Bool

  /// For a terminal that shows colours, or for a file.
  public init(coloured isColoured: Bool) { self.isColoured = isColoured }

  private enum Colour: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case dim = "2"
  }

  /// The text, without a line end. All that came from a jail is escaped.
  public func text(_ line: RecordLine) -> String {
    let time = colour(.dim, String(line.time.visible().prefix(19)) + "Z")
    let jail = Self.padded("\(line.jail)", 7)
    guard let columns = refusal(line) else {
      let sentence = line.sentence
      return "\(time)  \(jail)  \([.touched, .cut].contains(line.event) ? colour(.red, sentence) : sentence)"
    }
    return "\(time)  \(jail)  \(colour(.red, "refused"))  \(columns.joined(separator: "  "))"
  }

  /// What, by whom, why, and the remedy; nil for a line that is about no refusal.
  private func refusal(_ line: RecordLine) -> [String]? {
    let times = (line.count ?? 1) > 1 ? ", \(line.count ?? 1) times" : ""
    if let refusal = NamedRefusal(line) {
      // Nobody looks for who asked a question.
      let who = line.process == .unknown && refusal.port == nil ? "name service" : line.lineage
      return [
        Self.padded(refusal.subject, 24), Self.padded(who + times, 20), "\(refusal.because);",
        remedy(refusal.remedy),
      ]
    }
    guard let attempt = Attempt(line), let rule = line.rule else { return nil }
    let name = line.name.map { " (\($0.visible()))" } ?? ""
    return [
      Self.padded("\(attempt)\(name)", 24), Self.padded(line.lineage + times, 20),
      "\(rule.because.visible());",
      remedy(rule.remedy(for: attempt)),
    ]
  }

  private func remedy(_ remedy: Remedy) -> String {
    switch remedy {
    case .line(let line): "to allow it: " + colour(.green, line)
    case .widerLine(let line, let what): "to allow it: " + colour(.yellow, line) + ", which opens \(what)"
    case .warning(let reason): colour(.yellow, "no line for it: \(reason)")
    }
  }

  private func colour(_ colour: Colour, _ text: String) -> String {
    isColoured ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
