/// One thing that the jail needs of the machine, as it was found.
public struct Prerequisite: Sendable, Encodable {
  /// How serious the finding is.
  public enum State: String, Sendable, Encodable { case ok, limited, missing }

  /// Short and stable, for tables and programs.
  public let name: String
  public let state: State
  /// What was found, or what failed with its errno text.
  public let finding: String
  /// How to fix it; nil when there is nothing to fix.
  public let fix: String?

  public static func ok(_ name: String, _ finding: String) -> Prerequisite {
    Prerequisite(name: name, state: .ok, finding: finding, fix: nil)
  }
  /// A jail can be built, but does not do all that it could.
  public static func limited(_ name: String, _ finding: String, fix: String) -> Prerequisite {
    Prerequisite(name: name, state: .limited, finding: finding, fix: fix)
  }
  static func missing(_ name: String, _ finding: String, fix: String) -> Prerequisite {
    Prerequisite(name: name, state: .missing, finding: finding, fix: fix)
  }

  /// The same with more that was found of it.
  func adding(_ more: String) -> Prerequisite {
    Prerequisite(name: name, state: state, finding: "\(finding); \(more)", fix: fix)
  }

  /// What a launch is refused with because of it.
  var complaint: Complaint { Complaint(.prerequisite, "\(name): \(finding)", fix: fix) }
}
