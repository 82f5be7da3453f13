import Linux

/// What the supervisor has not been told yet. Data never waits for it.
struct RelayReports {
  private var waiting: [RelayReport] = []
  private var sent = 0
  private var isUrgent = false
  /// When what can wait is told at the latest; nil without such.
  private(set) var deadline: Instant?

  /// Each report wakes the supervisor, which has other things to do while connections come and go: ends are told together.
  static let patience = Duration.milliseconds(20)
  static let mostPatient = 32

  var count: Int { waiting.count - sent }
  /// Whether the supervisor did not take all that it was to take.
  var isBlocked: Bool { isUrgent && count > 0 }

  /// Tells it in this turn.
  mutating func add(_ report: RelayReport) {
    waiting.append(report)
    isUrgent = true
  }

  /// Tells it soon.
  mutating func addPatiently(_ report: RelayReport, now: Instant) {
    waiting.append(report)
    deadline = deadline ?? now + Self.patience
    if count >= Self.mostPatient { isUrgent = true }
  }

  /// Sends as much as the supervisor takes. EPIPE when it is gone.
  mutating func flush(to socket: borrowing DatagramSocket) throws(SystemCallError) {
    if let deadline, deadline <= .now { isUrgent = true }
    guard isUrgent else { return }
    while sent < waiting.count {
      guard try socket.sendAtOnce(waiting[sent].bytes) else { return }
      sent += 1
    }
    (waiting, sent, isUrgent, deadline) = ([], 0, false, nil)
  }
}
