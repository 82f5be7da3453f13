import Linux

/// What the supervisor has not been told yet. Data never waits for it.
struct RelayReports {
  private var waiting: [RelayReport] = []
  private var sent = 0

  var isEmpty: Bool { waiting.isEmpty }
  var count: Int { waiting.count - sent }

  mutating func add(_ report: RelayReport) { waiting.append(report) }

  /// Sends as much as the supervisor takes. EPIPE when it is gone.
  mutating func flush(to socket: borrowing DatagramSocket) throws(SystemCallError) {
    while sent < waiting.count {
      guard try socket.sendAtOnce(waiting[sent].bytes) else { return }
      sent += 1
    }
    (waiting, sent) = ([], 0)
  }
}
