public import Policy

/// One thing that keeps a launch from being made, in its parts: for programs that read JSON, and for the lines on standard error.
public struct Complaint: Sendable, Equatable {
  /// What it is about; a word that stays as it is.
  public enum Kind: String, Sendable, CaseIterable {
    case configuration, override, stream, prerequisite, plan, claude, command, launch
  }

  public let kind: Kind
  /// What failed.
  public let message: String
  /// How to put it right, where that is known.
  public let fix: String?
  /// Where it stands, if a line of a file is at fault.
  public let location: SourceLocation?
  /// The text of that line.
  public let line: String?

  init(
    _ kind: Kind, _ message: String, fix: String? = nil, at location: SourceLocation? = nil,
    line: String? = nil
  ) {
    (self.kind, self.message, self.fix, self.location, self.line) = (kind, message, fix, location, line)
  }

  init(_ diagnostic: Diagnostic) {
    self.init(
      .configuration, diagnostic.message, fix: diagnostic.hint, at: diagnostic.location, line: diagnostic.text
    )
  }

  /// A line, and the fix, as a refusal says it.
  var refusal: String { text("refused: ") }

  /// The same of what failed without being refused.
  var failure: String { text("") }

  private func text(_ word: String) -> String {
    "claude-sandbox: \(word)\(message)" + (fix.map { "\n  fix: \($0)" } ?? "")
  }
}
