import Linux

/// The process that becomes the command.
enum Holder {
  /// What the supervisor says when the uplink is open.
  static let go: UInt8 = 2

  /// Steps 5 to 10. Every failure is the supervisor's to tell; the command has not run then.
  static func run(_ blueprint: Blueprint, own: OwnProcesses, link: consuming DatagramSocket) -> Never {
    var step = LaunchStep.isolate
    do {
      try Process.dieWithParent(own.supervisor)
      let isolated = try IsolatedJail.enter()
      step = .wall
      let walled = try isolated.raiseWall(blueprint.plan)
      step = .windows
      let unsealed = try walled.openWindows(blueprint.plan, to: link)
      step = .seal
      let sealed = try unsealed.seal(blueprint, own)
      try HolderReport.sealed(sealed.namespaces).send(over: link)
      guard try link.receive()?.bytes == [go] else { Process.exit(125) }
      step = .execute
      try sealed.execute(blueprint.command)
    } catch {
      let failure = error as? LaunchFailure ?? .step(step, "\(error)")
      try? HolderReport.failed(failure).send(over: link)
      Process.exit(failure.exitStatus)
    }
  }
}
