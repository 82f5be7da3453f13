/// A launch that did not run its command, as the caller sees it.
public struct Refusal: Error {
  public let text: String
  public let exitStatus: CInt

  /// What the machine lacks is looked up, if that may be why. The line that names the override is left out where the administrator
  /// forbids it.
  init(failure: LaunchFailure, overrideAllowed: Bool) {
    var failure = failure
    if case .jail(let jail) = failure, jail.finding != nil {
      failure = failure.explained(by: Prerequisites.missing())
    }
    text = failure.text(overrideAllowed: overrideAllowed)
    exitStatus = failure.exitStatus
  }
}
