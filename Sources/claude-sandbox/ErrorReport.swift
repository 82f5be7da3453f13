import Jail
import Policy

/// What a command prints that has no answer.
struct ErrorReport: Encodable {
  struct Row: Encodable {
    let kind: String
    let message: String
    var fix: String?
    /// The fix of a line in the configuration.
    var hint: String?
    var file: String?
    var line: Int?
    var column: Int?
    /// Of that line.
    var text: String?
  }

  let version = JSON.version
  let verdict: String
  let errors: [Row]
  /// The variable that leads round a refusal, and its value.
  var `override`: String?

  init(usage message: String) {
    verdict = "usage"
    errors = [Row(kind: "usage", message: message)]
  }

  /// Of a command that is of no use here; why.
  init(unavailable message: String) {
    verdict = "unavailable"
    errors = [Row(kind: "unavailable", message: message)]
  }

  init(_ failure: LaunchFailure) {
    verdict = "refused"
    errors = failure.complaints.map(Row.init)
    let allowed = (try? ConfigurationFiles.read())?.allowOverride.value ?? false
    `override` = failure.override(allowed: allowed)
  }
}

extension ErrorReport.Row {
  init(_ complaint: Complaint) {
    (kind, message) = (complaint.kind.rawValue, complaint.message)
    if complaint.line == nil { fix = complaint.fix } else { hint = complaint.fix }
    (file, line, column) = (complaint.location?.file, complaint.location?.line, complaint.location?.column)
    text = complaint.line
  }
}
