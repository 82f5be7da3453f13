/// The numbered steps of a launch, in order; docs and messages use these names.
public enum LaunchStep: UInt8, Sendable, CaseIterable, CustomStringConvertible {
  case read = 1, preflight, facts, plan, isolate, wall, sockets, uplink, seal, execute, supervise
  /// Of step 8.
  case names

  public var description: String {
    switch self {
    case .read: "reading the configuration"
    case .preflight: "checking the prerequisites"
    case .facts: "reading the host's network"
    case .plan: "planning the walls"
    case .isolate: "entering new namespaces"
    case .wall: "raising the wall of routes"
    case .sockets: "opening the jail's tap and sockets"
    case .uplink: "connecting the uplink"
    case .seal: "sealing the jail"
    case .execute: "executing the command"
    case .supervise: "starting the supervisor"
    case .names: "making the namespace of the names"
    }
  }

  /// Runs a step's work; whatever it throws becomes this step's failure.
  func run<Result: ~Copyable>(_ work: () throws -> Result) throws(JailFailure) -> Result {
    do {
      return try work()
    } catch {
      throw failure(error)
    }
  }

  /// An error as this step's failure, unless it is one already.
  func failure(_ error: any Error) -> JailFailure { error as? JailFailure ?? .step(self, Cause(error)) }
}
